//! `cowl seal` and `cowl open`

use std::fmt;
use std::io;
use std::path::Path;

use cowl_seal::age::{Identity, Passphrase, Recipient, read_identities, read_recipients};
use serde::Serialize;

use super::Context;
use crate::args::{OpenArguments, PassphraseArguments, SealArguments};
use crate::failure::{Failure, Result};
use crate::sealing::{self, SealedFor};
use crate::secret_input::{self, is_stdin};
use crate::sink::{Readers, Sink};
use crate::size::Size;
use crate::style::{GOOD, QUIET};

pub(super) fn seal(context: &Context, arguments: &SealArguments) -> Result<()> {
    refuse_two_uses_of_stdin(arguments.input.as_deref(), &arguments.passphrase)?;
    refuse_json_on_content(context, arguments.output.as_deref())?;
    let sealed_for = sealed_for(arguments)?;
    let input = sealing::input(arguments.input.as_deref())?;
    let mut sink = Sink::open(arguments.output.as_deref(), Readers::Umask)?;
    if sink.is_terminal() && !arguments.armor {
        return Err(Failure::usage("sealed bytes are not for a terminal")
            .with_hint("write them to a file (-o FILE) or as text (-a)"));
    }
    let bytes = sealing::seal(input, &mut sink, &sealed_for, arguments.armor).map_err(from_stream)?;
    sink.commit()?;
    report(context, arguments.output.as_deref(), bytes, "sealed")
}

pub(super) fn open(context: &Context, arguments: &OpenArguments) -> Result<()> {
    refuse_two_uses_of_stdin(arguments.input.as_deref(), &arguments.passphrase)?;
    refuse_json_on_content(context, arguments.output.as_deref())?;
    let identities = identities(&arguments.identities)?;
    let input = sealing::input(arguments.input.as_deref())?;
    let mut sink = Sink::open(arguments.output.as_deref(), Readers::Owner)?;
    let passphrase = &arguments.passphrase;
    let choose = |for_passphrase| choose(identities, passphrase, for_passphrase).map_err(io::Error::other);
    let bytes = sealing::open(input, &mut sink, choose).map_err(from_stream)?;
    sink.commit()?;
    report(context, arguments.output.as_deref(), bytes, "opened")
}

fn sealed_for(arguments: &SealArguments) -> Result<SealedFor> {
    let mut recipients = arguments.recipients.clone();
    for path in &arguments.recipient_files {
        recipients.extend(recipients_of(path)?);
    }
    match (arguments.passphrase.is_wanted(), recipients.is_empty()) {
        (true, true) => {
            let text = secret_input::new_passphrase(arguments.passphrase.passphrase_file.as_deref())?;
            Ok(SealedFor::Passphrase(Passphrase::new(text)))
        }
        (false, false) => Ok(SealedFor::Recipients(recipients)),
        (true, false) => Err(Failure::usage("a file is sealed to keys or under a passphrase, not both")),
        (false, true) => Err(Failure::usage("sealed to whom?")
            .with_hint("name a recipient (-r age1…), a file of them (-R FILE) or use a passphrase (-p)")),
    }
}

pub(super) fn recipients_of(path: &Path) -> Result<Vec<Recipient>> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::file(path, error))?;
    let recipients =
        read_recipients(&text).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    match recipients.is_empty() {
        true => Err(Failure::usage(format!("{}: there is no recipient in it", path.display()))),
        false => Ok(recipients),
    }
}

pub(super) fn identities(paths: &[std::path::PathBuf]) -> Result<Vec<Identity>> {
    let mut identities = Vec::new();
    for path in paths {
        let text = secret_input::file_text(path)?;
        let found =
            read_identities(&text).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
        if found.is_empty() {
            return Err(Failure::usage(format!("{}: there is no identity in it", path.display())));
        }
        identities.extend(found);
    }
    Ok(identities)
}

/// What opens the file, once it is known how it was sealed.
pub(super) fn choose(
    identities: Vec<Identity>,
    asked: &PassphraseArguments,
    for_passphrase: bool,
) -> Result<Vec<Identity>> {
    if for_passphrase && identities.is_empty() {
        let text = secret_input::passphrase(asked.passphrase_file.as_deref())?;
        return Ok(vec![Identity::Passphrase(Passphrase::new(text))]);
    }
    match (for_passphrase, identities.is_empty() || asked.is_wanted()) {
        (true, _) => {
            Err(Failure::no("this file was sealed under a passphrase, not to a key")
                .with_hint("leave -i out"))
        }
        (false, true) => {
            Err(Failure::no("this file was sealed to keys").with_hint("name an identity file: -i FILE"))
        }
        (false, false) => Ok(identities),
    }
}

/// Content that does not open is a no; the rest are faults of streams.
pub(super) fn from_stream(error: io::Error) -> Failure {
    let kind = error.kind();
    let source = match error.into_inner() {
        Some(inner) => match inner.downcast::<Failure>() {
            Ok(failure) => return *failure,
            Err(other) => other,
        },
        None => return io::Error::from(kind).into(),
    };
    match kind {
        io::ErrorKind::InvalidData => Failure::no(format!("not opened: {source}")),
        io::ErrorKind::UnexpectedEof => Failure::no("not opened: the file is cut short"),
        io::ErrorKind::InvalidInput => Failure::usage(source.to_string()),
        _ => io::Error::new(kind, source).into(),
    }
}

fn refuse_two_uses_of_stdin(input: Option<&Path>, passphrase: &PassphraseArguments) -> Result<()> {
    let both = input.is_none_or(is_stdin) && passphrase.passphrase_file.as_deref().is_some_and(is_stdin);
    if both { Err(Failure::usage("stdin cannot be both the content and the passphrase")) } else { Ok(()) }
}

fn refuse_json_on_content(context: &Context, output: Option<&Path>) -> Result<()> {
    if context.output.is_json() && output.is_none_or(is_stdin) {
        return Err(
            Failure::usage("stdout cannot carry both the content and --json").with_hint("add -o FILE")
        );
    }
    Ok(())
}

fn report(context: &Context, output: Option<&Path>, bytes: u64, done: &'static str) -> Result<()> {
    match output {
        Some(path) if context.output.is_json() && !is_stdin(path) => {
            context.output.data(&Passed { path: path.display().to_string(), bytes: Size(bytes), done })
        }
        Some(path) if !is_stdin(path) => {
            context.output.note(Passed { path: path.display().to_string(), bytes: Size(bytes), done });
            Ok(())
        }
        _ => Ok(()),
    }
}

/// `cowl seal` and `cowl open` with `-o`
#[derive(Debug, Serialize)]
struct Passed {
    path: String,
    /// Bytes of the content.
    bytes: Size,
    /// `sealed` or `opened`.
    done: &'static str,
}

impl fmt::Display for Passed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{GOOD}✓{GOOD:#} {} {QUIET}{} {}{QUIET:#}", self.path, self.bytes, self.done)
    }
}
