//! `.age` files that the caller can open: they are taken in as what is inside them.

use std::fmt::Display;
use std::io::{self, BufRead, BufReader, Read};

use cowl_seal::age::armor::{ArmorReader, is_armored};
use cowl_seal::age::{self, Identity};
use cowl_seal::payload::Cores;

use super::AddOptions;
use crate::error::{Result, VaultError};

impl AddOptions {
    /// The name of what is inside a file, where it is one to be opened.
    pub(super) fn name_inside<'a>(&self, name: &'a str) -> Option<&'a str> {
        self.age_identity.as_ref().and_then(|_| name.strip_suffix(".age"))
    }

    /// A small file as it is to be taken in: its name and content.
    pub(super) fn opened(&self, name: &str, content: Vec<u8>) -> Result<(String, Vec<u8>)> {
        let Some(inner) = self.name_inside(name) else { return Ok((name.to_owned(), content)) };
        let opened = age::open(&self.identities()?, &content).map_err(|e| does_not_open(name, &e))?;
        Ok((inner.to_owned(), opened))
    }

    /// What is inside a long file, armored or not, as a stream. What was changed shows while it is read.
    pub(super) fn opened_stream(
        &self,
        name: &str,
        sealed: Box<dyn Read + Send>,
    ) -> Result<Box<dyn Read + Send>> {
        let refuse = |e: io::Error| does_not_open(name, &e);
        let identities = self.identities()?;
        let mut sealed = BufReader::new(sealed);
        if is_armored(sealed.fill_buf().map_err(refuse)?) {
            let bare = BufReader::new(ArmorReader::new(sealed));
            return Ok(Box::new(age::open_reader(&identities, bare, Cores::All).map_err(refuse)?));
        }
        Ok(Box::new(age::open_reader(&identities, sealed, Cores::All).map_err(refuse)?))
    }

    fn identities(&self) -> Result<Vec<Identity>> {
        let lines = self.age_identity.as_ref().map_or("", |lines| lines.as_str());
        age::read_identities(lines)
            .map_err(|e| VaultError::Invalid(format!("the identity file does not hold: {e}")))
    }
}

pub(super) fn does_not_open(name: &str, error: &dyn Display) -> VaultError {
    VaultError::Invalid(format!("{name} does not open: {error}"))
}
