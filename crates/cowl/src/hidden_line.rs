//! One line from the terminal that is not shown while it is typed.
//!
//! The terminal hands over every key, Ctrl-C among them: were that a signal, it would end the process while
//! nothing is echoed and leave the terminal so.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};

use rustix::process::{Signal, kill_current_process_group};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::failure::{Failure, Result};

/// Asks at the terminal of this process, wherever stdin and stdout lead. `None` where there is no terminal.
///
/// # Errors
/// When the person presses Ctrl-C or types nothing at all, or the terminal goes away.
pub(crate) fn ask(prompt: &str) -> Result<Option<Zeroizing<String>>> {
    let Ok(terminal) = OpenOptions::new().read(true).write(true).open("/dev/tty") else { return Ok(None) };
    let outcome = Quiet::new(&terminal)?.read_line(prompt);
    // The line feed of whoever typed was not shown either.
    (&terminal).write_all(b"\n")?;
    match outcome? {
        End::Entered(line) => Ok(Some(line.into_text()?)),
        End::NothingTyped => Err(Failure::usage("nothing was typed; nothing was changed")),
        End::Interrupted => {
            // As if the terminal had sent it: to everybody who works for the same command.
            let _ = kill_current_process_group(Signal::INT);
            Err(Failure::Interrupted)
        }
    }
}

/// How a line came to its end.
enum End {
    Entered(Line),
    NothingTyped,
    Interrupted,
}

/// A terminal that shows nothing and hands over every key, until dropped.
struct Quiet<'a> {
    terminal: &'a File,
    before: Termios,
}

impl<'a> Quiet<'a> {
    fn new(terminal: &'a File) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(
            LocalModes::ECHO
                | LocalModes::ECHONL
                | LocalModes::ICANON
                | LocalModes::ISIG
                | LocalModes::IEXTEN,
        );
        quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(terminal, OptionalActions::Now, &quiet)?;
        Ok(Self { terminal, before })
    }

    fn read_line(self, prompt: &str) -> io::Result<End> {
        let mut terminal = self.terminal;
        // Asked only now, so that nothing that is typed in answer can be shown.
        terminal.write_all(prompt.as_bytes())?;
        let mut line = Line::default();
        let mut key = Zeroizing::new([0]);
        loop {
            terminal.read_exact(&mut *key)?;
            match line.press(key[0]) {
                Pressed::Key => {}
                Pressed::Enter => return Ok(End::Entered(line)),
                Pressed::EndOfFile => return Ok(End::NothingTyped),
                Pressed::Interrupt => return Ok(End::Interrupted),
            }
        }
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        // Where the terminal has gone there is nothing to restore.
        let _ = tcsetattr(self.terminal, OptionalActions::Now, &self.before);
    }
}

/// What a key means for the line.
#[derive(Debug, PartialEq, Eq)]
enum Pressed {
    Key,
    Enter,
    EndOfFile,
    Interrupt,
}

/// The line so far. Never longer than its memory, so that it is never moved and left behind.
struct Line(Zeroizing<Vec<u8>>);

impl Default for Line {
    fn default() -> Self {
        Self(Zeroizing::new(Vec::with_capacity(LONGEST)))
    }
}

impl Line {
    fn press(&mut self, key: u8) -> Pressed {
        match key {
            b'\n' | b'\r' => return Pressed::Enter,
            CTRL_C | CTRL_BACKSLASH => return Pressed::Interrupt,
            CTRL_D if self.0.is_empty() => return Pressed::EndOfFile,
            BACKSPACE | DELETE => self.remove_last(),
            CTRL_U => self.0.clear(),
            ..0x20 => {}
            _ if self.0.len() < LONGEST => self.0.push(key),
            _ => {}
        }
        Pressed::Key
    }

    /// The last character, which may have several bytes.
    fn remove_last(&mut self) {
        while self.0.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
    }

    fn into_text(mut self) -> Result<Zeroizing<String>> {
        match String::from_utf8(std::mem::take(&mut *self.0)) {
            Ok(text) => Ok(Zeroizing::new(text)),
            Err(error) => {
                drop(Zeroizing::new(error.into_bytes()));
                Err(Failure::usage("what was typed is not UTF-8 text"))
            }
        }
    }
}

/// Bytes of a line; more are not taken.
const LONGEST: usize = 4096;
const CTRL_C: u8 = 3;
const CTRL_D: u8 = 4;
const BACKSPACE: u8 = 8;
const CTRL_U: u8 = 0x15;
const CTRL_BACKSLASH: u8 = 0x1c;
const DELETE: u8 = 0x7f;

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &[u8]) -> String {
        let mut line = Line::default();
        assert!(keys.iter().all(|key| line.press(*key) == Pressed::Key), "{keys:?}");
        line.into_text().unwrap().to_string()
    }

    #[test]
    fn a_line_can_be_corrected_character_by_character_and_as_a_whole() {
        assert_eq!(typed("größer\x7f\x7f\x7f\x7fün".as_bytes()), "grün");
        assert_eq!(typed(b"\x7fwrong\x15right\x08\x08ht"), "right");
    }

    #[test]
    fn control_characters_do_not_get_into_the_line() {
        assert_eq!(typed(b"a\t\x1bb\0 c"), "ab c");
    }

    #[test]
    fn the_end_of_file_counts_only_before_the_first_character() {
        assert_eq!(Line::default().press(CTRL_D), Pressed::EndOfFile);
        assert_eq!(typed(b"ab\x04c"), "abc");
    }

    #[test]
    fn a_line_never_outgrows_its_memory() {
        let mut line = Line::default();
        let memory = line.0.as_ptr();
        assert!((0..2 * LONGEST).all(|_| line.press(b'x') == Pressed::Key));
        assert_eq!((line.0.len(), line.0.as_ptr()), (LONGEST, memory));
    }
}
