//! The program `cowl-server`.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};
use cowl_api::service;
use cowl_store::Ledger;

use crate::clock::SystemClock;
use crate::config::ServerConfig;
use crate::secrets::Secrets;
use crate::server::ServerError;
use crate::tls;

/// The blind cloud of Cowl: stores sealed records that it cannot read.
#[derive(Debug, Parser)]
#[command(name = "cowl-server", version)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until SIGTERM or SIGINT; prints {"listening": URL} when ready, and "metrics": URL beside it if asked for
    Run(Settings),
    /// Bring the database to this program's schema
    Migrate(Settings),
    /// Read the configuration and everything that it names, and say what is wrong
    CheckConfig(Settings),
}

/// What stands on the command line goes before what stands in the file.
#[derive(Debug, Args)]
struct Settings {
    /// Configuration file (TOML); without one everything is kept in the data folder
    #[arg(long, value_name = "FILE", env = "COWL_SERVER_CONFIG")]
    config: Option<PathBuf>,
    /// Folder for database, parts and secrets
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Address and port; port 0 takes a free one
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
}

impl Settings {
    fn resolve(self) -> Result<ServerConfig, ServerError> {
        let mut config = match &self.config {
            Some(path) => ServerConfig::read(path)?,
            None => ServerConfig::default(),
        };
        config.data = self.data.unwrap_or(config.data);
        config.listen = self.listen.unwrap_or(config.listen);
        config.check()?;
        Ok(config)
    }
}

/// Runs the program; 0 is success, 2 a fault of the configuration or of the surroundings.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(execute(arguments.command)),
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "cowl-server: {error}");
            ExitCode::from(2)
        }
    }
}

type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

async fn execute(command: Command) -> Outcome {
    match command {
        Command::Run(settings) => run(settings.resolve()?).await,
        Command::Migrate(settings) => migrate(&settings.resolve()?).await,
        Command::CheckConfig(settings) => check_config(&settings.resolve()?),
    }
}

async fn run(config: ServerConfig) -> Outcome {
    let service = service::start(&config.log)?;
    let running = crate::server::start(config, Arc::new(SystemClock), service.stop).await?;
    let mut line = serde_json::json!({ "listening": running.url() });
    if let Some(metrics) = running.metrics_url() {
        line["metrics"] = metrics.into();
    }
    writeln!(io::stdout(), "{line}")?;
    io::stdout().flush()?;
    tracing::info!(address = %running.address(), "listening");
    running.finished().await?;
    tracing::info!("stopped");
    Ok(())
}

async fn migrate(config: &ServerConfig) -> Outcome {
    let ledger = Ledger::connect(&config.store()?.database).await?;
    ledger.migrate().await?;
    ledger.check_schema().await?;
    ledger.close().await;
    writeln!(io::stdout(), "the database has this program's schema")?;
    Ok(())
}

/// Changes nothing but what a first start makes anyway: its own secrets.
fn check_config(config: &ServerConfig) -> Outcome {
    config.store()?;
    Secrets::load(config)?;
    config.tls.as_ref().map(tls::load).transpose()?;
    writeln!(io::stdout(), "the configuration can be used")?;
    Ok(())
}
