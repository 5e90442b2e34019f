//! The secret key of sealed images in a file of its own: an age file, sealed to recipients or under a passphrase, so
//! that `cowl key`, other age programs and a profile's own key all fit it.

use std::io::{self, Write};
use std::sync::Arc;

use cowl_paillier::KeySize;
use cowl_paillier_secret::SecretKey;
use cowl_seal::age::{self, Passphrase, Recipient};
use cowl_seal::payload::Cores;
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use zeroize::Zeroizing;

use crate::args::{KeyFileArguments, SealAdditiveArguments};
use crate::commands::Context;
use crate::commands::seal::{choose, from_stream, identities, recipients_of};
use crate::failure::{Failure, Result};
use crate::sealing;
use crate::secret_input;
use crate::sink::{Readers, write_whole};

/// How the content of a key file begins.
const MAGIC: &[u8] = b"cowl-image-key/v1\n";
/// Bytes of the longest key, with room to spare: what is read never moves in memory.
const LONGEST: usize = 4 << 10;

/// Makes a key and its file, which must not be there yet.
pub(super) fn make(context: &Context, arguments: &SealAdditiveArguments) -> Result<Arc<SecretKey>> {
    let path = &arguments.key.key;
    if path.exists() {
        return Err(Failure::usage(format!("{}: there is a key file already", path.display()))
            .with_hint("leave --new-key out to use it"));
    }
    let size = KeySize::of_bits(arguments.bits).map_err(|error| Failure::usage(error.to_string()))?;
    let sealed_for = Holder::of(arguments)?;
    context.output.note(format_args!("making a key of {} bits; this takes a while", size.bits()));
    let key = SecretKey::generate(size, &mut UnwrapErr(SysRng));
    let mut content = Zeroizing::new(Vec::with_capacity(LONGEST));
    content.extend_from_slice(MAGIC);
    content.extend_from_slice(&key.to_bytes());
    write_whole(path, &sealed_for.seal(&content)?, Readers::Owner)?;
    Ok(Arc::new(key))
}

/// Who may open a new key file.
enum Holder {
    Recipients(Vec<Recipient>),
    Passphrase(Passphrase),
}

impl Holder {
    fn of(arguments: &SealAdditiveArguments) -> Result<Self> {
        let mut recipients = arguments.recipients.clone();
        for path in &arguments.recipient_files {
            recipients.extend(recipients_of(path)?);
        }
        let passphrase = &arguments.key.passphrase;
        match (passphrase.is_wanted(), recipients.is_empty()) {
            (true, true) => {
                let text = secret_input::new_passphrase(passphrase.passphrase_file.as_deref())?;
                Ok(Self::Passphrase(Passphrase::new(text)))
            }
            (false, false) => Ok(Self::Recipients(recipients)),
            (true, false) => Err(Failure::usage("a key file is sealed to keys or under a passphrase, not both")),
            (false, true) => Err(Failure::usage("who may open the new key file?").with_hint(
                "name a recipient (-r age1…, or this party's own: cowl key recipient), or use a passphrase (-p)",
            )),
        }
    }

    fn seal(&self, content: &[u8]) -> Result<Vec<u8>> {
        match self {
            Self::Recipients(recipients) => {
                age::seal(recipients, content).map_err(|error| Failure::usage(error.to_string()))
            }
            Self::Passphrase(passphrase) => {
                let mut writer = age::seal_writer_with_passphrase(passphrase, Vec::new(), Cores::One)?;
                writer.write_all(content)?;
                Ok(writer.finish()?)
            }
        }
    }
}

/// Opens a key file.
pub(super) fn open(arguments: &KeyFileArguments) -> Result<Arc<SecretKey>> {
    let path = &arguments.key;
    let identities = identities(&arguments.identities)?;
    let choose =
        |for_passphrase| choose(identities, &arguments.passphrase, for_passphrase).map_err(io::Error::other);
    let mut content = Zeroizing::new(Vec::with_capacity(LONGEST));
    let input = sealing::input(Some(path))?;
    sealing::open(input, Bounded(&mut content), choose).map_err(from_stream)?;
    let no_key = || Failure::no(format!("{}: it opens, but holds no key of sealed images", path.display()));
    let bytes = content.strip_prefix(MAGIC).ok_or_else(no_key)?;
    SecretKey::from_bytes(bytes).map(Arc::new).map_err(|_| no_key())
}

/// Takes no more than a key, so that secrets are never copied to grow a buffer.
struct Bounded<'a>(&'a mut Vec<u8>);

impl Write for Bounded<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > LONGEST {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is too long for a key file"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
