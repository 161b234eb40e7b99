//! The simulator's command line.

mod client;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use hpe3par_sim::control::{Verb, socket};
use hpe3par_sim::{Description, Simulator};

/// Simulated HPE 3PAR arrays
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Runs the arrays of a description until it is interrupted
    Serve {
        /// Description, TOML
        #[arg(long)]
        config: PathBuf,
        /// Directory that keeps the state over restarts
        #[arg(long)]
        state: Option<PathBuf>,
        /// Unix socket for `ctl` and `cli`
        #[arg(long)]
        control: Option<PathBuf>,
    },
    /// Removes what a simulator with `exports = "lio"` left in the kernel; not while it runs
    TakeDown {
        /// Description, TOML
        #[arg(long)]
        config: PathBuf,
    },
    /// Makes something happen to running arrays
    Ctl {
        /// Unix socket of the running simulator
        #[arg(long)]
        control: PathBuf,
        #[command(subcommand)]
        verb: Verb,
    },
    /// The command line of one running array: SSH_ORIGINAL_COMMAND, `-c`, or lines of standard input
    Cli {
        /// Unix socket of the running simulator
        #[arg(long)]
        control: PathBuf,
        /// System name
        #[arg(long)]
        array: String,
        /// Login name on the array
        #[arg(long, default_value = "3paradm")]
        user: String,
        /// Command line to run
        #[arg(short, env = "SSH_ORIGINAL_COMMAND")]
        command: Option<String>,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    env_logger::init_from_env(env_logger::Env::default().default_filter_or("info"));
    let result = match Arguments::parse().what {
        What::Serve {
            config,
            state,
            control,
        } => serve(config, state, control).await,
        What::TakeDown { config } => take_down(&config),
        What::Ctl { control, verb } => client::verb(&control, verb).await,
        What::Cli {
            control,
            array,
            user,
            command,
        } => client::cli(&control, array, user, command).await,
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("hpe3par-sim: {error}");
            ExitCode::from(255)
        }
    }
}

type Outcome = Result<ExitCode, Box<dyn std::error::Error>>;

fn read(config: &Path) -> Result<Description, Box<dyn std::error::Error>> {
    let text = std::fs::read_to_string(config)
        .map_err(|error| format!("`{}`: {error}", config.display()))?;
    Ok(Description::from_toml(&text)?)
}

fn take_down(config: &Path) -> Outcome {
    hpe3par_sim::take_down(&read(config)?)?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(config: PathBuf, state: Option<PathBuf>, socket: Option<PathBuf>) -> Outcome {
    let simulator = Simulator::start_in(read(&config)?, state.as_deref()).await?;
    let control = simulator.control();
    for array in control.arrays() {
        println!("{array} listens on {}", simulator.address(&array));
        println!("    {}", simulator.host_key_line(&array));
    }
    let serving = async {
        match &socket {
            Some(socket) => socket::serve(control, socket).await,
            None => std::future::pending().await,
        }
    };
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        failed = serving => failed?,
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminated.recv() => {}
    }
    if let Some(socket) = &socket {
        let _ = std::fs::remove_file(socket);
    }
    simulator.shutdown();
    Ok(ExitCode::SUCCESS)
}
