//! hpe3par-docker: arguments, configuration, wiring; nothing else.

mod connect;
mod logging;
mod serve;

use std::{
    io::{self, BufWriter, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};
use hpe3par_docker::{
    inform::Templates,
    operator::{
        DEFAULT_CONFIG, Exit, Streams, config::ConfigCommand, finish, group::GroupCommand,
        load_config, transcript::TranscriptCommand, volume::VolumeCommand,
    },
    transcript::Record,
};

/// Docker volumes on HPE 3PAR arrays, replicated, by the InForm command line alone
///
/// Exit status: 0 done, 1 failed or problems found, 2 wrong command line.
#[derive(Debug, Parser)]
#[command(name = "hpe3par-docker", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the Docker engine
    Serve(ServeArguments),
    /// Check or show hpe.conf
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Remote copy groups as both arrays show them, and what to type to fail them over and back (it changes nothing)
    #[command(subcommand)]
    Group(GroupCommand),
    /// Look at volumes and change them through the plugin that runs here: list, show, grow, promote, adopt, release
    ///
    /// The plugin has to run on this host. `docker volume` makes, inspects and removes volumes.
    #[command(subcommand)]
    Volume(VolumeCommand),
    /// Look at what was sent to the arrays and what they answered
    #[command(subcommand)]
    Transcript(TranscriptCommand),
}

/// What wins over hpe.conf.
#[derive(Debug, Args)]
struct ServeArguments {
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = DEFAULT_CONFIG)]
    config: PathBuf,
    /// Where the engine finds the plugin [default: `socket` of the configuration]
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// What must survive a reboot [default: `state_dir` of the configuration]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut out = BufWriter::new(io::stdout().lock());
    let mut err = io::stderr();
    match arguments.command {
        // Starts its log when it has read hpe.conf.
        Command::Serve(_) => {}
        // An array that is away is what it is for, and told in its output.
        Command::Group(_) => logging::start(log::LevelFilter::Error),
        Command::Config(_) | Command::Transcript(_) | Command::Volume(_) => {
            logging::start(log::LevelFilter::Warn);
        }
    }
    let mut to = Streams {
        out: &mut out,
        err: &mut err,
    };
    let result = match &arguments.command {
        Command::Serve(arguments) => serve(arguments, &mut to),
        Command::Config(command) => command.run(&mut to),
        Command::Group(command) => command.run(connect::for_person, &mut to),
        Command::Transcript(command) => command.run(replay, &mut to),
        Command::Volume(command) => command.run(&mut to),
    };
    let result = result.and_then(|exit| out.flush().map(|()| exit));
    finish(result, &mut err).into()
}

/// Serves until told to stop.
fn serve(arguments: &ServeArguments, to: &mut Streams<'_>) -> io::Result<Exit> {
    let Some(mut config) = load_config(&arguments.config, to.err)? else {
        return Ok(Exit::Problems);
    };
    config
        .global
        .put_first(arguments.socket.clone(), arguments.state.clone());
    logging::start(config.global.logging);
    let runtime = tokio::runtime::Runtime::new()?;
    match runtime.block_on(serve::serve(config)) {
        Ok(()) => Ok(Exit::Ok),
        Err(error) => {
            writeln!(to.err, "error: {error}")?;
            Ok(Exit::Problems)
        }
    }
}

/// Reads a record's answer with the templates of this release.
fn replay(record: &Record) -> Result<String, String> {
    let templates = Templates::load(None).map_err(|error| error.to_string())?;
    templates.replay(&record.command, &record.output, record.exit_status)
}
