//! A MoQ load client whose effects on a relay's counters are known in advance.
//!
//! `script` executes commands one by one, `watch` prints a relay's own statistics frames, `load` makes bulk traffic.

mod content;
mod line;
mod load;
mod publication;
mod script;
mod session;
mod subscription;
mod watch;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(version, about)]
struct Cli {
    /// Level of the MoQ library's own log, on stderr: error, warn, info, debug, trace.
    #[arg(long, global = true)]
    log: Option<String>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Execute commands from stdin, one answer line each.
    Script,
    /// Print every frame of a relay's statistics broadcast as a JSON line.
    Watch(watch::Args),
    /// Publish to and subscribe from a relay in bulk.
    Load(load::Args),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();

    if let Some(level) = &cli.log {
        moq_native::Log::new(level.parse()?).init()?;
    }

    // Two crypto providers may be compiled in, and rustls then refuses to choose one itself.
    let provider = moq_native::rustls::crypto::aws_lc_rs::default_provider();
    provider.install_default().expect("no provider is installed yet");

    match cli.command {
        Command::Script => script::run().await,
        Command::Watch(args) => watch::run(args).await,
        Command::Load(args) => load::run(args).await,
    }
}
