//! A pseudo-terminal with a command in it, and a person in front of it.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

/// A command that runs in a terminal of its own.
pub(crate) struct Terminal {
    keyboard: File,
    far_end: OwnedFd,
    arriving: Receiver<Vec<u8>>,
    command: Child,
    screen: String,
    /// How much of the screen was read already.
    read: usize,
}

impl Terminal {
    /// Starts a command of [`super::cowl`] as if it were typed at a terminal.
    pub(crate) fn run(command: &Command) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let near_end = openpt(flags).unwrap();
        grantpt(&near_end).unwrap();
        unlockpt(&near_end).unwrap();
        let far_end = ioctl_tiocgptpeer(&near_end, flags).unwrap();
        let size = Winsize { ws_row: 50, ws_col: 200, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&far_end, size).unwrap();
        let keyboard = File::from(near_end);
        let (sender, arriving) = channel();
        let screen = keyboard.try_clone().unwrap();
        std::thread::spawn(move || show(screen, &sender));
        let command = start(command, &far_end);
        Self { keyboard, far_end, arriving, command, screen: String::new(), read: 0 }
    }

    /// Waits until the command has written this, after what it was known to have written.
    pub(crate) fn expect(&mut self, text: &str) -> &mut Self {
        loop {
            if let Some(place) = self.screen[self.read..].find(text) {
                self.read += place + text.len();
                return self;
            }
            let more = self.arriving.recv_timeout(HANGS);
            let more =
                more.unwrap_or_else(|_| panic!("no '{text}' comes; on the screen is: {}", self.screen));
            self.screen.push_str(&String::from_utf8_lossy(&more));
        }
    }

    /// Presses keys.
    pub(crate) fn press(&mut self, keys: &str) -> &mut Self {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self
    }

    /// Types a line.
    pub(crate) fn answer(&mut self, line: &str) -> &mut Self {
        self.press(line).press("\r")
    }

    /// Whether the terminal shows what is typed.
    pub(crate) fn shows_keys(&self) -> bool {
        tcgetattr(&self.far_end).unwrap().local_modes.contains(LocalModes::ECHO)
    }

    /// Waits for the end of the command; how it ended, and all that the screen has shown.
    pub(crate) fn finish(mut self) -> (ExitStatus, String) {
        let status = self.command.wait().unwrap();
        let modes = tcgetattr(&self.far_end).unwrap().local_modes;
        let usual = LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        assert!(modes.contains(usual), "the terminal is left in modes {modes:?}");
        drop(self.far_end);
        self.screen.extend(self.arriving.iter().map(|more| String::from_utf8_lossy(&more).into_owned()));
        (status, self.screen)
    }
}

fn start(command: &Command, far_end: &OwnedFd) -> Child {
    let stream = || Stdio::from(far_end.try_clone().unwrap());
    let mut inside = Command::new(command.get_program());
    inside.arg("--ctty").args(command.get_args()).stdin(stream()).stdout(stream()).stderr(stream());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => inside.env(name, value),
            None => inside.env_remove(name),
        };
    }
    inside.env("TERM", "xterm").current_dir(command.get_current_dir().unwrap()).spawn().unwrap()
}

/// Until the far end is closed.
fn show(mut screen: File, sender: &Sender<Vec<u8>>) {
    let mut bytes = [0; 4096];
    while let Ok(length @ 1..) = screen.read(&mut bytes) {
        if sender.send(bytes[..length].to_vec()).is_err() {
            return;
        }
    }
}

/// A command that writes nothing for so long waits for something that never comes.
const HANGS: Duration = Duration::from_secs(120);
