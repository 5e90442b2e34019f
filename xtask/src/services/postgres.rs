//! A PostgreSQL of our own: a fresh cluster on a free loopback port, gone at the end.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::apt;
use super::daemon::{self, Daemon};
use crate::failure::{Failure, Result, While};
use crate::process;

/// Where Debian's packages put each version's programs.
const VERSIONS: &str = "/usr/lib/postgresql";
const CREATE_CLUSTER: &str = "/etc/postgresql-common/createcluster.conf";
/// PostgreSQL refuses to run as root; the package brings this user.
const USER: &str = "postgres";
const DATABASE: &str = "cowl";

/// A running server; dropping it stops it and removes its data.
pub(crate) struct Postgres {
    // Before the folder: fields are dropped in this order, and the server must end first.
    _server: Daemon,
    _folder: Folder,
    port: u16,
}

impl Postgres {
    pub(crate) fn start() -> Result<Self> {
        let programs = installed()?;
        let folder = Folder::make()?;
        initialise(&programs, &folder)?;
        let port = daemon::free_port()?;
        let mut server = serve(&programs, &folder, port)?;
        let ready = programs.join("pg_isready");
        server.wait_until(|| process::run_quietly(Command::new(&ready).args(address(port))).is_ok())?;
        let mut create = Command::new(programs.join("createdb"));
        process::run_quietly(create.args(address(port)).args(["--username", DATABASE, DATABASE]))?;
        Ok(Self { _server: server, _folder: folder, port })
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://{DATABASE}@127.0.0.1:{}/{DATABASE}", self.port)
    }
}

fn installed() -> Result<PathBuf> {
    if let Some(programs) = newest_programs() {
        return Ok(programs);
    }
    forbid_main_cluster()?;
    apt::install(&["postgresql"])?;
    newest_programs()
        .ok_or_else(|| Failure::new(format!("no PostgreSQL under {VERSIONS} after its installation")))
}

fn newest_programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir(VERSIONS).ok()?;
    let numbers = versions.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let programs = numbers.map(|number| (number, Path::new(VERSIONS).join(number.to_string()).join("bin")));
    programs
        .filter(|(_, folder)| process::is_executable(&folder.join("initdb")))
        .max()
        .map(|(_, folder)| folder)
}

/// The package would start a server of its own on the usual port.
fn forbid_main_cluster() -> Result<()> {
    let file = Path::new(CREATE_CLUSTER);
    if file.exists() || !process::is_root() {
        return Ok(());
    }
    let folder = file.parent().unwrap_or(file);
    std::fs::create_dir_all(folder).attempting(|| format!("making {}", folder.display()))?;
    std::fs::write(file, "create_main_cluster = false\n").attempting(|| format!("writing {CREATE_CLUSTER}"))
}

/// Trust: whoever is on this machine while the tests run may look at their made-up data.
fn initialise(programs: &Path, folder: &Folder) -> Result<()> {
    let mut command = daemon::as_user(user());
    command.arg("--").arg(programs.join("initdb")).current_dir("/");
    command.args([
        "--auth",
        "trust",
        "--encoding",
        "UTF8",
        "--locale",
        "C",
        "--no-sync",
        "--username",
        DATABASE,
    ]);
    process::run_quietly(command.arg("--pgdata").arg(folder.data()))
}

fn serve(programs: &Path, folder: &Folder, port: u16) -> Result<Daemon> {
    let data = folder.data().display().to_string();
    let sockets = format!("unix_socket_directories={data}");
    let connections = "max_connections=200";
    let port = port.to_string();
    let arguments = ["-D", &data, "-h", "127.0.0.1", "-p", &port, "-c", &sockets, "-c", connections];
    Daemon::start(&programs.join("postgres"), &arguments, user(), &folder.0.join("log"))
}

fn address(port: u16) -> [String; 4] {
    ["--host".into(), "127.0.0.1".into(), "--port".into(), port.to_string()]
}

fn user() -> Option<&'static str> {
    process::is_root().then_some(USER)
}

/// The cluster's folder, removed when dropped. Not under the target directory, which the other user may not be
/// able to enter.
struct Folder(PathBuf);

impl Folder {
    fn make() -> Result<Self> {
        let mut command = Command::new("mktemp");
        let made = process::stdout_of(command.args(["--directory", "--tmpdir", "cowl-postgres-XXXXXXXX"]))?;
        let folder = Self(PathBuf::from(made.trim_end()));
        if let Some(user) = user() {
            process::run_quietly(Command::new("chown").arg(user).arg(&folder.0))?;
        }
        Ok(folder)
    }

    fn data(&self) -> PathBuf {
        self.0.join("data")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What stays behind is a few megabytes of made-up data.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
