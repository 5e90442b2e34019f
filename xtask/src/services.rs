//! The services and foreign programs that tests talk to: installed when missing, started, and stopped at the
//! end whatever happens. Tests find them through these variables:
//!
//! | variable | value |
//! |---|---|
//! | `COWL_TEST_POSTGRES` | `postgres://cowl@127.0.0.1:PORT/cowl`; the user may create databases |
//! | `COWL_TEST_S3` | `http://127.0.0.1:PORT`, an S3 endpoint with the empty bucket `cowl-test`, region `us-east-1`, access key `cowl`, secret key `cowl-secret` |
//! | `COWL_TEST_S3_REGION`, `COWL_TEST_S3_BUCKET`, `COWL_TEST_S3_ACCESS_KEY`, `COWL_TEST_S3_SECRET_KEY` | the same, one by one |
//! | `COWL_TEST_AGE` | the program `age` of Debian, which is also first on `PATH`; `age-keygen` beside it |
//! | `COWL_TEST_AGE_NPM` | a folder whose `node_modules` has `age-encryption` |
//! | `COWL_TEST_ONNX` | the folder `onnx/backend/test/data` of PyPI's `onnx`: ONNX's own tests |
//! | `COWL_TEST_TEXT_ORIENTATION` | a trained ONNX network of PyPI's `rapidocr-onnxruntime` |
//! | `COWL_TEST_CCTV` | the folder of npm's `cctv-age`: the C2SP vectors |
//!
//! Whoever sets `COWL_TEST_POSTGRES` or `COWL_TEST_S3` before has the tests talk to a server of their own.

mod apt;
mod daemon;
mod node;
mod postgres;
mod python;
mod s3;

use std::ffi::OsString;

use crate::failure::{Failure, Result, While};
use crate::process;
use crate::workspace::Workspace;
use postgres::Postgres;
use s3::S3;

pub(crate) use apt::{install, unpack};
pub(crate) use daemon::{Daemon, free_port};
pub(crate) use python::{environment as python_environment, packages as python_packages};

const POSTGRES: &str = "COWL_TEST_POSTGRES";
const S3_ENDPOINT: &str = "COWL_TEST_S3";
const AGE: &str = "COWL_TEST_AGE";
const AGE_NPM: &str = "COWL_TEST_AGE_NPM";
const ONNX: &str = "COWL_TEST_ONNX";
const TEXT_ORIENTATION: &str = "COWL_TEST_TEXT_ORIENTATION";

/// The last wheel with the tests of single operators in it.
const ONNX_REQUIREMENT: &str = "onnx==1.20.0";

const TEXT_REQUIREMENT: &str = "rapidocr-onnxruntime==1.4.4";

/// Variables for the tests' environment.
pub(crate) type Environment = Vec<(String, OsString)>;

/// What a group of tests cannot do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Needs {
    pub(crate) stores: bool,
    pub(crate) foreign_programs: bool,
    pub(crate) onnx: bool,
}

/// Running services; dropping them stops them.
#[derive(Default)]
pub(crate) struct Services {
    postgres: Option<Postgres>,
    s3: Option<S3>,
    environment: Environment,
    problems: Vec<String>,
}

impl Services {
    /// Starts what can be started. What cannot is among the problems, and the tests that need it skip.
    pub(crate) fn start(workspace: &Workspace, needs: Needs) -> Self {
        let mut services = Self::default();
        if needs.stores {
            services.attempt("PostgreSQL", POSTGRES, |services| services.start_postgres());
            services.attempt("S3", S3_ENDPOINT, |services| services.start_s3(workspace));
        }
        if needs.foreign_programs {
            services.attempt("Debian's age", AGE, |services| services.find_age(workspace));
            services.attempt("npm packages", AGE_NPM, |services| services.install_npm_packages(workspace));
        }
        if needs.onnx {
            services.attempt("ONNX's tests", ONNX, |services| services.fetch_onnx_tests(workspace));
            services.attempt("a trained network", TEXT_ORIENTATION, |services| {
                services.fetch_text_orientation(workspace)
            });
        }
        services
    }

    pub(crate) fn environment(&self) -> &Environment {
        &self.environment
    }

    pub(crate) fn problems(&self) -> &[String] {
        &self.problems
    }

    /// `variable` tells the tests where the service is; one that is set already is left as it is.
    fn attempt(&mut self, name: &str, variable: &str, start: impl FnOnce(&mut Self) -> Result<()>) {
        if std::env::var_os(variable).is_some() {
            eprintln!("{name:<32} as {variable} says");
            return;
        }
        match start(self) {
            Ok(()) => eprintln!("{name:<32} ready"),
            Err(failure) => {
                eprintln!("{name:<32} FAILED: {failure}");
                self.problems.push(format!("{name}: {failure}"));
            }
        }
    }

    fn start_postgres(&mut self) -> Result<()> {
        let postgres = Postgres::start()?;
        self.set(POSTGRES, postgres.url());
        self.postgres = Some(postgres);
        Ok(())
    }

    fn start_s3(&mut self, workspace: &Workspace) -> Result<()> {
        let s3 = S3::start(workspace)?;
        self.set(S3_ENDPOINT, s3.endpoint());
        self.set("COWL_TEST_S3_REGION", s3::REGION);
        self.set("COWL_TEST_S3_BUCKET", s3::BUCKET);
        self.set("COWL_TEST_S3_ACCESS_KEY", s3::ACCESS_KEY);
        self.set("COWL_TEST_S3_SECRET_KEY", s3::SECRET_KEY);
        self.s3 = Some(s3);
        Ok(())
    }

    fn find_age(&mut self, workspace: &Workspace) -> Result<()> {
        let age = unpack(workspace, "age")?.join("usr/bin/age");
        if !process::is_executable(&age) {
            return Err(Failure::new("Debian's package `age` has no program of that name"));
        }
        let own = age.parent().map(Into::into);
        let before = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(own.into_iter().chain(std::env::split_paths(&before)));
        self.set("PATH", path.attempting(|| "putting age on the search path".into())?);
        self.set(AGE, age);
        Ok(())
    }

    fn install_npm_packages(&mut self, workspace: &Workspace) -> Result<()> {
        let folder = node::install(workspace)?;
        self.set("COWL_TEST_CCTV", folder.join("node_modules/cctv-age"));
        self.set(AGE_NPM, folder);
        Ok(())
    }

    fn fetch_onnx_tests(&mut self, workspace: &Workspace) -> Result<()> {
        let environment = python::environment(workspace, "onnx", &[ONNX_REQUIREMENT], &["--no-deps"])?;
        let data = python::packages(&environment)?.join("onnx/backend/test/data");
        if !data.is_dir() {
            return Err(Failure::new(format!("{ONNX_REQUIREMENT} came without its tests")));
        }
        self.set(ONNX, data);
        Ok(())
    }

    fn fetch_text_orientation(&mut self, workspace: &Workspace) -> Result<()> {
        const NETWORK: &str = "rapidocr_onnxruntime/models/ch_ppocr_mobile_v2.0_cls_infer.onnx";
        let environment =
            python::environment(workspace, "text-orientation", &[TEXT_REQUIREMENT], &["--no-deps"])?;
        let network = python::packages(&environment)?.join(NETWORK);
        if !network.is_file() {
            return Err(Failure::new(format!("{TEXT_REQUIREMENT} came without {NETWORK}")));
        }
        self.set(TEXT_ORIENTATION, network);
        Ok(())
    }

    fn set(&mut self, name: &str, value: impl Into<OsString>) {
        self.environment.push((name.into(), value.into()));
    }
}
