//! What reading a file will take, from its bytes alone.
//!
//! A message of two bytes becomes hundreds in memory, a packed float never more than it is: so structure and entries, not the
//! length of the file, bound what reading takes.

/// What a file weighs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Weight {
    /// Bytes that are not the packed contents of initialisers.
    pub(super) structure: usize,
    /// Messages, names and texts.
    pub(super) entries: usize,
}

/// A message, as far as messages and names within it are read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Model,
    Graph,
    Function,
    Node,
    Attribute,
    Initialiser,
    Tensor,
    SparseTensor,
    Value,
    Type,
    TensorType,
    Shape,
    /// Nothing within it is looked at.
    Other,
}

impl Part {
    /// What lies in a field, by the numbers of `onnx.proto`.
    fn field(self, tag: u64) -> Self {
        match (self, tag) {
            (Self::Model, 7) => Self::Graph,
            (Self::Model, 25) => Self::Function,
            (Self::Graph, 1) | (Self::Function, 7) => Self::Node,
            (Self::Graph, 5) => Self::Initialiser,
            (Self::Graph, 11 | 12) => Self::Value,
            (Self::Graph, 15) | (Self::Attribute, 22) => Self::SparseTensor,
            (Self::Function, 11) | (Self::Node, 5) => Self::Attribute,
            (Self::Attribute, 5) | (Self::SparseTensor, 1) => Self::Tensor,
            (Self::Value, 2) => Self::Type,
            (Self::Type, 1) => Self::TensorType,
            (Self::TensorType, 2) => Self::Shape,
            _ => Self::Other,
        }
    }
}

/// Fields of an initialiser that hold its numbers and grow to twice their length at the most: floats, narrow whole numbers,
/// bytes, doubles.
const CONTENTS: [u64; 4] = [4, 5, 9, 10];

impl Weight {
    /// Of the bytes of a model; `None` if its fields are broken.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        let mut weight = Self { structure: bytes.len(), entries: 0 };
        weight.add(Part::Model, bytes)?;
        Some(weight)
    }

    fn add(&mut self, part: Part, bytes: &[u8]) -> Option<()> {
        for field in Fields(bytes) {
            let (tag, Some(contents)) = field? else { continue };
            if part == Part::Initialiser && CONTENTS.contains(&tag) {
                self.structure = self.structure.checked_sub(contents.len())?;
                continue;
            }
            self.entries += 1;
            match part.field(tag) {
                Part::Other => {}
                within => self.add(within, contents)?,
            }
        }
        Some(())
    }
}

/// The fields of one message: tag and contents; numbers, which may stand there one by one, have none.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn number(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..70).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    fn field(&mut self) -> Option<(u64, Option<&'a [u8]>)> {
        let key = self.number()?;
        let contents = match key & 7 {
            0 => self.number().map(|_| None)?,
            1 => self.take(8).map(|_| None)?,
            2 => {
                let length = self.number()?;
                Some(self.take(length)?)
            }
            5 => self.take(4).map(|_| None)?,
            _ => return None,
        };
        Some((key >> 3, contents))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Option<(u64, Option<&'a [u8]>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_messages_are_entries_and_the_numbers_of_initialisers_are_not() {
        let node = [0x0a, 0x00];
        let graph = [&[0x3a, 0x06][..], &node, &node, &node].concat();
        assert_eq!(Weight::of(&graph), Some(Weight { structure: 8, entries: 4 }));
        let initialiser = [0x3a, 0x08, 0x2a, 0x06, 0x4a, 0x04, 1, 2, 3, 4];
        assert_eq!(Weight::of(&initialiser), Some(Weight { structure: 6, entries: 2 }));
        assert_eq!(Weight::of(&[0x3a, 0x06, 0x0a]), None);
    }
}
