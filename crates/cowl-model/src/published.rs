//! What of a model is shown to whoever may run it, as bytes: the architecture, and the choices that stand beside it.
//!
//! The choices were made with the weights at hand, so they are not the architecture's: the ring says about how large the
//! weights and the values between the layers become.

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Decoder, Encode};

use crate::graph::{FormError, Graph, LARGEST_ARCHITECTURE, Telling, TellingError};
use crate::program::{CompileError, Program, Rounding, compile};
use crate::ring::Ring;

/// With what the bytes begin.
pub const MAGIC: &[u8; 14] = b"cowl/model/v1\n";
/// The most names of classes.
pub const MOST_CLASSES: usize = 1 << 16;
/// The longest name of a class, in bytes.
pub const LONGEST_CLASS: usize = 200;
/// The most bytes of a published model: an architecture, names, and heads of CBOR.
pub const LARGEST_MODEL: usize = LARGEST_ARCHITECTURE + MOST_CLASSES * (LONGEST_CLASS + 2) + 64;

/// An architecture with its ring.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PublishedModel {
    /// What is computed.
    pub architecture: Graph,
    /// On which numbers.
    pub ring: Ring,
    /// How they are cut.
    pub rounding: Rounding,
    /// What the places of the output's classes are called, in their order; may be empty.
    pub classes: Vec<String>,
}

/// Bytes that are no published model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishedError {
    /// Something else altogether, or another version.
    #[error("not a model of this program")]
    Malformed,
    /// A ring off the menu, or a list of classes beyond bounds.
    #[error("the model names {0} that cannot be")]
    Value(&'static str),
    /// An architecture that does not hold together.
    #[error(transparent)]
    Architecture(#[from] FormError),
}

/// A model for which there is no program.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// Not that can be told of its outputs.
    #[error(transparent)]
    Telling(#[from] TellingError),
    /// Its architecture has no program on these numbers.
    #[error(transparent)]
    Compile(#[from] CompileError),
}

#[derive(Encode, Decode)]
struct Form {
    #[n(0)]
    architecture: ByteVec,
    #[n(1)]
    ring: (u32, u32, u32),
    #[n(2)]
    faithful: bool,
    #[cbor(n(3), decode_with = "few_names")]
    classes: Vec<String>,
}

/// No more names than there may be.
fn few_names<C>(decoder: &mut Decoder<'_>, context: &mut C) -> Result<Vec<String>, minicbor::decode::Error> {
    let names = decoder.array_iter_with(context)?.take(MOST_CLASSES + 1);
    names.collect()
}

impl PublishedModel {
    /// The bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let form = Form {
            architecture: self.architecture.to_bytes().into(),
            ring: (self.ring.bits(), self.ring.fraction(), self.ring.weight_fraction()),
            faithful: self.rounding == Rounding::Faithful,
            classes: self.classes.clone(),
        };
        let mut bytes = MAGIC.to_vec();
        minicbor::encode(form, &mut bytes).expect("writing to a Vec cannot fail");
        bytes
    }

    /// Reads the bytes; everything is checked anew.
    ///
    /// # Errors
    /// [`PublishedError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PublishedError> {
        if bytes.len() > LARGEST_MODEL {
            return Err(PublishedError::Value("an architecture"));
        }
        let rest = bytes.strip_prefix(MAGIC).ok_or(PublishedError::Malformed)?;
        let form: Form = minicbor::decode(rest).map_err(|_| PublishedError::Malformed)?;
        let (bits, fraction, weight_fraction) = form.ring;
        let ring = Ring::new(bits, fraction).and_then(|ring| ring.with_weight_fraction(weight_fraction));
        check_classes(&form.classes)?;
        let model = Self {
            architecture: Graph::from_bytes(&form.architecture)?,
            ring: ring.map_err(|_| PublishedError::Value("a ring"))?,
            rounding: if form.faithful { Rounding::Faithful } else { Rounding::Nearby },
            classes: form.classes,
        };
        if model.to_bytes() == bytes { Ok(model) } else { Err(PublishedError::Malformed) }
    }

    /// What all who run it compute when so much of the outputs is told, and the program of that.
    ///
    /// # Errors
    /// [`ProgramError`] names the output or the layer.
    pub fn program(&self, telling: Telling) -> Result<(Graph, Program), ProgramError> {
        let graph = self.architecture.telling(telling)?;
        let program = compile(&graph, self.ring, self.rounding)?;
        Ok((graph, program))
    }
}

/// Whether these can be names of classes: printable, not too long, not too many.
///
/// # Errors
/// [`PublishedError::Value`].
pub fn check_classes(classes: &[String]) -> Result<(), PublishedError> {
    let sound =
        |name: &String| (1..=LONGEST_CLASS).contains(&name.len()) && !name.chars().any(char::is_control);
    if classes.len() <= MOST_CLASSES && classes.iter().all(sound) {
        Ok(())
    } else {
        Err(PublishedError::Value("classes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::NoFiles;
    use crate::{ImportOptions, import, zoo};

    fn model() -> PublishedModel {
        let imported = import(&zoo::lenet5(1), &NoFiles, &ImportOptions::default()).unwrap();
        PublishedModel {
            architecture: imported.architecture,
            ring: Ring::MENU[0].with_weight_fraction(14).unwrap(),
            rounding: Rounding::Faithful,
            classes: (0..10).map(|digit| digit.to_string()).collect(),
        }
    }

    #[test]
    fn a_model_is_read_back_as_it_was_written() {
        let (model, bytes) = (model(), model().to_bytes());
        assert_eq!(PublishedModel::from_bytes(&bytes).as_ref(), Ok(&model));
        assert_eq!(model.program(Telling::Values).unwrap().1.ring(), model.ring);
    }

    #[test]
    fn cut_lengthened_and_foreign_bytes_are_refused() {
        let bytes = model().to_bytes();
        for end in (0..bytes.len()).step_by(37) {
            assert!(PublishedModel::from_bytes(&bytes[..end]).is_err(), "cut at {end}");
        }
        assert!(PublishedModel::from_bytes(&[bytes.as_slice(), b"\0"].concat()).is_err());
        assert_eq!(PublishedModel::from_bytes(b"\x08\x08"), Err(PublishedError::Malformed));
    }

    #[test]
    fn names_of_classes_cannot_write_to_the_terminal() {
        let long = "x".repeat(LONGEST_CLASS + 1);
        for wrong in ["", "a\u{1b}[2J", "two\nlines", &long] {
            assert!(check_classes(&[wrong.to_owned()]).is_err(), "{wrong:?}");
        }
        assert!(check_classes(&["grey matter".to_owned()]).is_ok());
    }
}
