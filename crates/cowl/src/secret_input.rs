//! Passwords, passphrases and other secrets: from the terminal, a file, or a line of stdin. Never from
//! the command line, which every process of the machine can read.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::AsFd;
use std::path::Path;

use cowl_vault::Password;
use zeroize::{Zeroize, Zeroizing};

use crate::failure::{Failure, Result};
use crate::hidden_line;

/// The password of an account.
pub(crate) fn password(file: Option<&Path>, prompt: &str) -> Result<Password> {
    read(file, prompt, PASSWORD_OPTION).and_then(into_password)
}

/// A new password; from the terminal it is asked for twice.
pub(crate) fn new_password(file: Option<&Path>, prompt: &str, option: &str) -> Result<Password> {
    read_twice(file, prompt, option).and_then(into_password)
}

/// A passphrase that opens something.
pub(crate) fn passphrase(file: Option<&Path>) -> Result<Zeroizing<String>> {
    read(file, "Passphrase: ", PASSPHRASE_OPTION)
}

/// A passphrase that is to seal something; from the terminal it is asked for twice.
pub(crate) fn new_passphrase(file: Option<&Path>) -> Result<Zeroizing<String>> {
    let text = read_twice(file, "New passphrase: ", PASSPHRASE_OPTION)?;
    if text.is_empty() { Err(Failure::usage("an empty passphrase seals nothing")) } else { Ok(text) }
}

/// The whole text of a small secret file; `-` is stdin.
pub(crate) fn file_text(path: &Path) -> Result<Zeroizing<String>> {
    let read_from = |input: &mut dyn Read| {
        let mut text = Zeroizing::new(String::with_capacity(LONGEST));
        input.take(LONGEST as u64 + 1).read_to_string(&mut text).map(|_| text)
    };
    let text = if is_stdin(path) {
        unbuffered_stdin().and_then(|mut stdin| read_from(&mut stdin))
    } else {
        File::open(path).and_then(|mut file| read_from(&mut file))
    };
    let text = text.map_err(|error| Failure::file(path, error))?;
    if text.len() > LONGEST {
        return Err(Failure::usage(format!("{}: too long for a file of keys or words", path.display())));
    }
    Ok(text)
}

/// Asks for a yes. `None` where there is nobody to ask.
pub(crate) fn confirm(question: &str) -> Option<bool> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return None;
    }
    let _ = write!(anstream::stderr(), "{question} [y/N] ");
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).ok()?;
    Some(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Whether a path means stdin or stdout.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// No account has an empty one: that was a slip, or the wrong file.
fn into_password(mut text: Zeroizing<String>) -> Result<Password> {
    if text.is_empty() {
        return Err(Failure::usage("the password is empty; nothing was changed"));
    }
    Ok(Password::new(std::mem::take(&mut *text).into_bytes()))
}

fn read(file: Option<&Path>, prompt: &str, option: &str) -> Result<Zeroizing<String>> {
    match file {
        Some(path) if is_stdin(path) => line_of_stdin(),
        Some(path) => file_text(path).map(|text| first_line(&text)),
        None => ask(prompt, option),
    }
}

fn read_twice(file: Option<&Path>, prompt: &str, option: &str) -> Result<Zeroizing<String>> {
    let first = read(file, prompt, option)?;
    if file.is_none() && *ask("Once more: ", option)? != *first {
        return Err(Failure::usage("the two do not agree; nothing was changed"));
    }
    Ok(first)
}

fn ask(prompt: &str, option: &str) -> Result<Zeroizing<String>> {
    hidden_line::ask(prompt)?.ok_or_else(|| {
        let what = prompt.trim_end_matches([':', ' ']);
        Failure::usage(format!("{what}: there is no terminal to ask for it"))
            .with_hint(format!("give it in a file, or on a line of stdin: {option} FILE|-"))
    })
}

/// One line, byte by byte, so that what follows stays in the pipe.
fn line_of_stdin() -> Result<Zeroizing<String>> {
    let mut stdin = unbuffered_stdin()?;
    let mut line = Zeroizing::new(Vec::with_capacity(LONGEST));
    let mut byte = [0];
    while line.len() < LONGEST && stdin.read(&mut byte)? == 1 && byte[0] != b'\n' {
        line.push(byte[0]);
    }
    byte.zeroize();
    let text = String::from_utf8(std::mem::take(&mut *line)).map_err(|error| {
        error.into_bytes().zeroize();
        Failure::usage("what came from stdin is not UTF-8 text")
    })?;
    Ok(first_line(&Zeroizing::new(text)))
}

fn first_line(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.lines().next().unwrap_or_default().to_owned())
}

/// Stdin without the buffer of the standard library, which nobody wipes.
fn unbuffered_stdin() -> io::Result<File> {
    io::stdin().as_fd().try_clone_to_owned().map(File::from)
}

/// Bytes; files of keys and lines of passwords are shorter.
const LONGEST: usize = 256 << 10;
const PASSWORD_OPTION: &str = "--password-file";
const PASSPHRASE_OPTION: &str = "--passphrase-file";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_of_a_file_is_the_password() {
        for text in ["correct horse", "correct horse\n", "correct horse\r\n", "correct horse\nnot this\n"] {
            assert_eq!(*first_line(text), "correct horse");
        }
        assert_eq!(*first_line(""), "");
        assert_eq!(*first_line(" inner  spaces stay \n"), " inner  spaces stay ");
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let failure = file_text(Path::new("no/such/file")).unwrap_err();
        assert!(failure.to_string().starts_with("no/such/file: "), "{failure}");
        assert_eq!(failure.exit_status(), 2);
    }
}
