//! `cowl server`: the cloud is a program of its own.

use std::fmt;

use serde::Serialize;

use super::Context;
use crate::failure::Result;
use crate::style::{COMMAND, QUIET};

pub(super) fn explain(context: &Context) -> Result<()> {
    context.output.data(&Explanation { program: "cowl-server", example: EXAMPLE })
}

/// `cowl server`
#[derive(Debug, Serialize)]
struct Explanation {
    program: &'static str,
    example: &'static str,
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "The cloud is a program of its own, because it must hold no code that opens anything:")?;
        writeln!(f, "\n  {COMMAND}{}{COMMAND:#}\n", self.example)?;
        write!(f, "{QUIET}'{} --help' tells the rest.{QUIET:#}", self.program)
    }
}

const EXAMPLE: &str = "cowl-server run --data ./cloud --listen 127.0.0.1:7443";
