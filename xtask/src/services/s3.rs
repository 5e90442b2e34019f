//! An S3 server: `moto` of PyPI, which installs at once and is right about conditional puts.
//!
//! `garage` is the real thing; `docs/testing.md` says how to run the same tests against it by hand.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use super::daemon::{self, Daemon};
use super::python;
use crate::failure::{Failure, Result, While};
use crate::workspace::Workspace;

const REQUIREMENT: &str = "moto[server,s3]==5.2.5";

/// The one region where a bucket may be made twice.
pub(crate) const REGION: &str = "us-east-1";
pub(crate) const BUCKET: &str = "cowl-test";
pub(crate) const ACCESS_KEY: &str = "cowl";
pub(crate) const SECRET_KEY: &str = "cowl-secret";

/// A running server with one empty bucket; dropping it stops it, and what it holds, in memory, is gone.
pub(crate) struct S3 {
    _server: Daemon,
    port: u16,
}

impl S3 {
    pub(crate) fn start(workspace: &Workspace) -> Result<Self> {
        let environment = python::environment(workspace, "moto", &[REQUIREMENT], &[])?;
        let port = daemon::free_port()?;
        let arguments = ["-H", "127.0.0.1", "-p", &port.to_string()];
        let mut server =
            Daemon::start(&environment.join("bin/moto_server"), &arguments, None, &environment.join("log"))?;
        server.wait_until(|| make_bucket(port).is_ok())?;
        Ok(Self { _server: server, port })
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// The server asks for no signature, so one plain request is enough.
fn make_bucket(port: u16) -> Result<()> {
    let answer = put(port, &format!("/{BUCKET}")).attempting(|| format!("making the bucket {BUCKET}"))?;
    let line = answer.lines().next().unwrap_or_default();
    if line.split(' ').nth(1) == Some("200") {
        return Ok(());
    }
    Err(Failure::new(format!("making the bucket {BUCKET}: the server answers `{line}`")))
}

fn put(port: u16, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let host = format!("127.0.0.1:{port}");
    write!(stream, "PUT {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
