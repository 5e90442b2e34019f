//! The programs that ours is measured against, each doing the same piece of work: one file sealed and opened.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::scratch::Scratch;
use crate::failure::{Result, While};
use crate::process;
use crate::services;
use crate::workspace::Workspace;

/// Nobody's secret: it seals noise for a few seconds.
const PASSWORD: &str = "a password of a bench";

/// A program that seals the file `input` of a scratch folder and opens it again as `opened`.
pub(crate) trait Peer {
    /// With its version, as it goes into the row.
    fn name(&self) -> &str;
    /// What the peer needs before it can seal afresh; not timed.
    fn prepare_sealing(&self, scratch: &Scratch) -> Result<()>;
    fn seal(&self, scratch: &Scratch) -> Result<()>;
    fn prepare_opening(&self, scratch: &Scratch) -> Result<()>;
    fn open(&self, scratch: &Scratch) -> Result<()>;
    /// Where [`Peer::open`] leaves the file.
    fn opened(&self, scratch: &Scratch) -> PathBuf;
}

/// A peer of Debian's and the version that it says it is.
fn debian(workspace: &Workspace, package: &str, version: &[&str]) -> Result<(PathBuf, String)> {
    let program = services::unpack(workspace, package)?.join("usr/bin").join(package);
    let said = process::stdout_of(Command::new(&program).args(version))?;
    let said = said.lines().next().unwrap_or_default().trim();
    let number =
        said.split(' ').find(|word| word.starts_with(|first: char| first.is_ascii_digit() || first == 'v'));
    Ok((program, format!("{package} {}", number.unwrap_or(said).trim_start_matches('v'))))
}

/// Go's age, to one X25519 recipient.
pub(crate) struct Age {
    program: PathBuf,
    name: String,
    recipient: String,
}

impl Age {
    pub(crate) fn new(workspace: &Workspace, scratch: &Scratch) -> Result<Self> {
        let (program, name) = debian(workspace, "age", &["--version"])?;
        let keygen = program.with_file_name("age-keygen");
        let key = scratch.path("age.key");
        scratch.clear("age.key")?;
        process::run_quietly(Command::new(&keygen).arg("-o").arg(&key))?;
        let recipient = process::stdout_of(Command::new(&keygen).arg("-y").arg(&key))?;
        Ok(Self { program, name, recipient: recipient.trim().into() })
    }
}

impl Peer for Age {
    fn name(&self) -> &str {
        &self.name
    }

    fn prepare_sealing(&self, scratch: &Scratch) -> Result<()> {
        scratch.clear("age.sealed")
    }

    fn seal(&self, scratch: &Scratch) -> Result<()> {
        let mut command = Command::new(&self.program);
        command.args(["--recipient", &self.recipient, "--output"]).arg(scratch.path("age.sealed"));
        process::run_quietly(command.arg(scratch.path("input")))
    }

    fn prepare_opening(&self, scratch: &Scratch) -> Result<()> {
        scratch.clear("opened")
    }

    fn open(&self, scratch: &Scratch) -> Result<()> {
        let mut command = Command::new(&self.program);
        command.arg("--decrypt").arg("--identity").arg(scratch.path("age.key"));
        process::run_quietly(
            command.arg("--output").arg(self.opened(scratch)).arg(scratch.path("age.sealed")),
        )
    }

    fn opened(&self, scratch: &Scratch) -> PathBuf {
        scratch.path("opened")
    }
}

/// restic, to a repository in the same folder; no cache.
pub(crate) struct Restic {
    program: PathBuf,
    name: String,
}

impl Restic {
    pub(crate) fn new(workspace: &Workspace) -> Result<Self> {
        let (program, name) = debian(workspace, "restic", &["version"])?;
        Ok(Self { program, name })
    }

    fn command(&self, repository: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.env("RESTIC_PASSWORD", PASSWORD).args(["--no-cache", "--quiet", "--repo"]).arg(repository);
        command
    }

    pub(crate) fn initialise(&self, scratch: &Scratch) -> Result<()> {
        scratch.clear("restic")?;
        process::run_quietly(self.command(&scratch.path("restic")).arg("init"))
    }

    /// Takes a file, or all files of a folder, into the repository of `scratch`.
    pub(crate) fn backup(&self, scratch: &Scratch, input: &Path) -> Result<()> {
        process::run_quietly(self.command(&scratch.path("restic")).arg("backup").arg(input))
    }
}

impl Peer for Restic {
    fn name(&self) -> &str {
        &self.name
    }

    fn prepare_sealing(&self, scratch: &Scratch) -> Result<()> {
        self.initialise(scratch)
    }

    fn seal(&self, scratch: &Scratch) -> Result<()> {
        self.backup(scratch, &scratch.path("input"))
    }

    fn prepare_opening(&self, scratch: &Scratch) -> Result<()> {
        scratch.clear("restored")
    }

    fn open(&self, scratch: &Scratch) -> Result<()> {
        let mut command = self.command(&scratch.path("restic"));
        process::run_quietly(command.args(["restore", "latest", "--target"]).arg(scratch.path("restored")))
    }

    fn opened(&self, scratch: &Scratch) -> PathBuf {
        let input = scratch.path("input");
        scratch.path("restored").join(input.strip_prefix("/").unwrap_or(&input))
    }
}

/// rclone's crypt over a folder.
pub(crate) struct Rclone {
    program: PathBuf,
    name: String,
    password: String,
}

impl Rclone {
    pub(crate) fn new(workspace: &Workspace) -> Result<Self> {
        let (program, name) = debian(workspace, "rclone", &["version"])?;
        let password = process::stdout_of(Command::new(&program).args(["obscure", PASSWORD]))
            .attempting(|| "preparing rclone".into())?;
        Ok(Self { program, name: format!("{name} crypt"), password: password.trim().into() })
    }

    /// The remote `sealed:` stands for the folder `rclone`.
    fn command(&self, scratch: &Scratch) -> Command {
        let mut command = Command::new(&self.program);
        command.env("RCLONE_CONFIG", scratch.path("no-configuration"));
        command
            .env("RCLONE_CONFIG_SEALED_TYPE", "crypt")
            .env("RCLONE_CONFIG_SEALED_PASSWORD", &self.password);
        command.env("RCLONE_CONFIG_SEALED_REMOTE", scratch.path("rclone"));
        command.args(["--quiet", "copyto"]);
        command
    }
}

impl Peer for Rclone {
    fn name(&self) -> &str {
        &self.name
    }

    fn prepare_sealing(&self, scratch: &Scratch) -> Result<()> {
        scratch.clear("rclone")
    }

    fn seal(&self, scratch: &Scratch) -> Result<()> {
        process::run_quietly(self.command(scratch).arg(scratch.path("input")).arg("sealed:input"))
    }

    fn prepare_opening(&self, scratch: &Scratch) -> Result<()> {
        scratch.clear("opened")
    }

    fn open(&self, scratch: &Scratch) -> Result<()> {
        process::run_quietly(self.command(scratch).arg("sealed:input").arg(self.opened(scratch)))
    }

    fn opened(&self, scratch: &Scratch) -> PathBuf {
        scratch.path("opened")
    }
}

/// Ours, for the same work: to one post-quantum recipient.
pub(crate) struct Cowl {
    program: PathBuf,
}

impl Cowl {
    pub(crate) fn new(workspace: &Workspace, scratch: &Scratch) -> Result<Self> {
        let program = workspace.release_program("cowl");
        let identity = scratch.path("cowl.key");
        scratch.clear("cowl.key")?;
        process::run_quietly(Command::new(&program).args(["key", "make", "--output"]).arg(&identity))?;
        let recipient = process::stdout_of(
            Command::new(&program).args(["key", "recipient", "--identity"]).arg(&identity),
        )?;
        let recipients = scratch.path("cowl.recipients");
        std::fs::write(&recipients, recipient).attempting(|| format!("writing {}", recipients.display()))?;
        Ok(Self { program })
    }

    pub(crate) fn seal_into(&self, scratch: &Scratch, output: &Path) -> Result<()> {
        let mut command = Command::new(&self.program);
        command.args(["seal", "--recipients-file"]).arg(scratch.path("cowl.recipients"));
        process::run_quietly(command.arg("--output").arg(output).arg(scratch.path("input")))
    }
}

impl Peer for Cowl {
    fn name(&self) -> &str {
        "cowl"
    }

    fn prepare_sealing(&self, scratch: &Scratch) -> Result<()> {
        scratch.clear("cowl.sealed")
    }

    fn seal(&self, scratch: &Scratch) -> Result<()> {
        self.seal_into(scratch, &scratch.path("cowl.sealed"))
    }

    fn prepare_opening(&self, scratch: &Scratch) -> Result<()> {
        scratch.clear("opened")
    }

    fn open(&self, scratch: &Scratch) -> Result<()> {
        let mut command = Command::new(&self.program);
        command.args(["open", "--identity"]).arg(scratch.path("cowl.key"));
        process::run_quietly(
            command.arg("--output").arg(self.opened(scratch)).arg(scratch.path("cowl.sealed")),
        )
    }

    fn opened(&self, scratch: &Scratch) -> PathBuf {
        scratch.path("opened")
    }
}
