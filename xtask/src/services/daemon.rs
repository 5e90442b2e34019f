//! A service in the background, which never outlives this program.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::failure::{Failure, Result, While};
use crate::process;

const LONGEST_START: Duration = Duration::from_secs(60);
const LONGEST_STOP: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(50);

/// A running service; dropping it stops it.
pub(crate) struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts `program` with the kernel's promise to interrupt it should this program die.
    /// `user`: whom to run as; only root may say so.
    pub(crate) fn start(program: &Path, arguments: &[&str], user: Option<&str>, log: &Path) -> Result<Self> {
        let writing = || format!("writing {}", log.display());
        let file = File::create(log).attempting(writing)?;
        let mut command = as_user(user);
        command.args(["--pdeathsig", "INT", "--"]).arg(program).args(arguments).current_dir("/");
        command.stdin(Stdio::null()).stdout(file.try_clone().attempting(writing)?).stderr(file);
        let child = command.spawn().attempting(|| format!("starting {}", program.display()))?;
        Ok(Self { child, log: log.into() })
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until `is_ready`; a service that ends meanwhile, or takes a minute, is an error with its last words.
    pub(crate) fn wait_until(&mut self, is_ready: impl Fn() -> bool) -> Result<()> {
        let started = Instant::now();
        while !is_ready() {
            let ended = self.child.try_wait().attempting(|| "waiting for a service".into())?;
            if let Some(status) = ended {
                return Err(self.fault(&format!("ended with {status}")));
            }
            if started.elapsed() > LONGEST_START {
                return Err(self.fault("is not ready within a minute"));
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    fn fault(&self, what: &str) -> Failure {
        let words = std::fs::read_to_string(&self.log).unwrap_or_default();
        Failure::new(format!("the service {what}{}", process::tail(&words)))
    }

    fn interrupt(&mut self) {
        // A service that has ended already is what we want.
        let _ = process::run_quietly(Command::new("kill").args(["-INT", &self.child.id().to_string()]));
        let started = Instant::now();
        while started.elapsed() < LONGEST_STOP && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(POLL);
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.interrupt();
        // Harmless where the interrupt was enough.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `setpriv`, which becomes the program that follows its arguments.
pub(crate) fn as_user(user: Option<&str>) -> Command {
    let mut command = Command::new("setpriv");
    if let Some(user) = user {
        command.args(["--reuid", user, "--regid", user, "--init-groups"]);
    }
    command
}

/// A port of the loopback interface that nobody listens on now.
pub(crate) fn free_port() -> Result<u16> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).attempting(|| "looking for a free port".into())?;
    let address = listener.local_addr().attempting(|| "looking for a free port".into())?;
    Ok(address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("cowl-xtask-{}-{name}", std::process::id()))
    }

    fn start(name: &str, script: &str) -> Daemon {
        Daemon::start(Path::new("/bin/sh"), &["-c", script], None, &log(name)).unwrap()
    }

    #[test]
    fn a_dropped_service_is_gone() {
        let daemon = start("dropped", "exec sleep 600");
        let process = PathBuf::from(format!("/proc/{}", daemon.child.id()));
        assert!(process.exists());
        drop(daemon);
        assert!(!process.exists());
        std::fs::remove_file(log("dropped")).unwrap();
    }

    #[test]
    fn a_service_that_ends_before_it_is_ready_tells_its_last_words() {
        let failure = start("ends", "echo no room on the disk; exit 3").wait_until(|| false).unwrap_err();
        let text = failure.to_string();
        assert!(text.contains("exit status: 3") && text.contains("no room on the disk"), "{text}");
        std::fs::remove_file(log("ends")).unwrap();
    }
}
