//! Attributes of a node, each of which must be read.

use std::cell::RefCell;
use std::collections::HashSet;

use super::Refused;
use crate::onnx::messages::{AttributeProto, TensorProto};

/// The attributes of one node and which of them were read.
pub(super) struct Attributes<'a> {
    all: &'a [AttributeProto],
    read: RefCell<HashSet<&'a str>>,
}

/// `AttributeProto.AttributeType`.
const FLOAT: i32 = 1;
const INT: i32 = 2;
const STRING: i32 = 3;
const TENSOR: i32 = 4;
const FLOATS: i32 = 6;
const INTS: i32 = 7;

impl<'a> Attributes<'a> {
    pub(super) fn new(all: &'a [AttributeProto]) -> Result<Self, Refused> {
        let mut seen = HashSet::new();
        for attribute in all {
            let name = attribute.name.as_deref().unwrap_or_default();
            if !seen.insert(name) {
                return Err(Refused::attribute(name, "stands twice"));
            }
            if attribute.ref_attr_name.as_deref().is_some_and(|name| !name.is_empty()) {
                return Err(Refused::attribute(name, "refers to a function's attribute outside of one"));
            }
        }
        Ok(Self { all, read: RefCell::default() })
    }

    fn find(&self, name: &str, kind: i32) -> Result<Option<&'a AttributeProto>, Refused> {
        let found = self.all.iter().find(|attribute| attribute.name.as_deref() == Some(name));
        let Some(attribute) = found else { return Ok(None) };
        self.read.borrow_mut().insert(attribute.name.as_deref().unwrap_or_default());
        match attribute.r#type {
            // Files of the first version leave the type out.
            Some(found) if found != kind && found != 0 => Err(Refused::attribute(name, "is of another type")),
            _ => Ok(Some(attribute)),
        }
    }

    pub(super) fn int(&self, name: &str) -> Result<Option<i64>, Refused> {
        Ok(self.find(name, INT)?.map(|attribute| attribute.i.unwrap_or_default()))
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, Refused> {
        Ok(self.int(name)?.unwrap_or(0) != 0)
    }

    pub(super) fn float(&self, name: &str) -> Result<Option<f32>, Refused> {
        Ok(self.find(name, FLOAT)?.map(|attribute| attribute.f.unwrap_or_default()))
    }

    pub(super) fn ints(&self, name: &str) -> Result<Option<Vec<i64>>, Refused> {
        Ok(self.find(name, INTS)?.map(|attribute| attribute.ints.clone()))
    }

    pub(super) fn floats(&self, name: &str) -> Result<Option<Vec<f32>>, Refused> {
        Ok(self.find(name, FLOATS)?.map(|attribute| attribute.floats.clone()))
    }

    pub(super) fn tensor(&self, name: &str) -> Result<Option<&'a TensorProto>, Refused> {
        Ok(self.find(name, TENSOR)?.and_then(|attribute| attribute.t.as_ref()))
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<String>, Refused> {
        let text = self.find(name, STRING)?.map(|attribute| attribute.s.clone().unwrap_or_default());
        text.map(String::from_utf8).transpose().map_err(|_| Refused::attribute(name, "is not UTF-8"))
    }

    /// One of the values known for a text attribute; the first is the default.
    pub(super) fn choice<T: Copy>(&self, name: &str, known: &[(&str, T)]) -> Result<T, Refused> {
        let Some(text) = self.text(name)? else { return Ok(known[0].1) };
        let found = known.iter().find(|(value, _)| *value == text);
        found
            .map(|(_, value)| *value)
            .ok_or_else(|| Refused::attribute(name, format!("= '{text}' is not supported")))
    }

    /// Reads an attribute that does not matter for inference.
    pub(super) fn ignore(&self, name: &str) {
        let found =
            self.all.iter().filter_map(|attribute| attribute.name.as_deref()).find(|found| *found == name);
        self.read.borrow_mut().extend(found);
    }

    pub(super) fn check_all_read(&self) -> Result<(), Refused> {
        let read = self.read.borrow();
        let names = self.all.iter().map(|attribute| attribute.name.as_deref().unwrap_or_default());
        let unread = names.into_iter().find(|name| !read.contains(name));
        unread.map_or(Ok(()), |name| Err(Refused::attribute(name, "is not supported")))
    }
}
