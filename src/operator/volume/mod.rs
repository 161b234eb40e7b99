//! `hpe3par-docker volume`: what the plugin that runs on this host knows of volumes, and what people change through it. This side only
//! asks and prints (`operator_socket`); locks, index and journal are the plugin's.

mod adopt;
mod grow;
mod list;
mod promote;
mod show;

use std::{io, path::PathBuf};

use clap::{Args, Subcommand};

use super::{DEFAULT_CONFIG, Exit, Streams, load_config};
use crate::{
    model::{NewSize, VolumeName},
    operator_socket::{self, Answer, ClientError, Request},
    volume::Forgotten,
};

/// What to do with volumes.
#[derive(Debug, Subcommand)]
pub enum VolumeCommand {
    /// List every volume that this host knows
    List(ListArguments),
    /// Show all of one volume, as `docker volume inspect` does
    Show(ShowArguments),
    /// Make a volume larger, its copy and its filesystem with it, also while it is mounted
    Grow(GrowArguments),
    /// Put a snapshot's data back into its volume, over what was written there since
    Promote(PromoteArguments),
    /// Take volumes and snapshots of HPE's python plugin over, as they are
    Adopt(AdoptArguments),
    /// Give an imported or adopted volume its old name and comment on the array back; its data stay
    Release(ReleaseArguments),
}

/// Where the plugin is.
#[derive(Debug, Args)]
pub struct Plugin {
    /// The configuration that the plugin runs with
    #[arg(long, value_name = "FILE", default_value = DEFAULT_CONFIG)]
    config: PathBuf,
}

/// Of `volume list`.
#[derive(Debug, Args)]
pub struct ListArguments {
    #[command(flatten)]
    plugin: Plugin,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Of `volume show`.
#[derive(Debug, Args)]
pub struct ShowArguments {
    #[command(flatten)]
    plugin: Plugin,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// The volume, as Docker calls it
    #[arg(value_name = "NAME", value_parser = VolumeName::new)]
    name: VolumeName,
}

/// Of `volume grow`.
#[derive(Debug, Args)]
pub struct GrowArguments {
    #[command(flatten)]
    plugin: Plugin,
    /// The volume, as Docker calls it
    #[arg(value_name = "NAME", value_parser = VolumeName::new)]
    name: VolumeName,
    /// Whole GiB: what it is to have in all, or with a `+` what is to be added
    #[arg(value_name = "SIZE|+SIZE")]
    size: NewSize,
}

/// Of `volume promote`.
#[derive(Debug, Args)]
pub struct PromoteArguments {
    #[command(flatten)]
    plugin: Plugin,
    /// Do it; without this it is only looked at whether it can be done
    #[arg(long)]
    yes: bool,
    /// Stop the volume's remote copy group for it, and start it afterwards; no volume of the group is replicated meanwhile, for hours perhaps
    #[arg(long)]
    stop_group: bool,
    /// The snapshot, as Docker calls it
    #[arg(value_name = "SNAPSHOT", value_parser = VolumeName::new)]
    snapshot: VolumeName,
}

/// Of `volume adopt`.
#[derive(Debug, Args)]
pub struct AdoptArguments {
    #[command(flatten)]
    plugin: Plugin,
    /// All that can be taken over
    #[arg(long, conflicts_with_all = ["which", "name"])]
    all: bool,
    /// Only tell what there is, what it would be called, and what stands in the way
    #[arg(long)]
    dry_run: bool,
    /// Volumes in remote copy groups, too: each leaves its group for its new name, joins it again, and all of it is copied to the other
    /// array anew; until that is complete, the other array has only what it has now
    #[arg(long)]
    copy_anew: bool,
    /// What Docker is to call it, if not as before
    #[arg(long, value_name = "NEWNAME", value_parser = VolumeName::new, visible_alias = "as")]
    name: Option<VolumeName>,
    /// The one, as Docker called it, or by its name on the array
    #[arg(value_name = "NAME", required_unless_present = "all")]
    which: Option<String>,
}

/// Of `volume release`.
#[derive(Debug, Args)]
pub struct ReleaseArguments {
    #[command(flatten)]
    plugin: Plugin,
    /// End a release that was begun and whose VV somebody has removed or renamed on the array meanwhile: nothing is given back, the
    /// volume is forgotten
    #[arg(long)]
    forget: bool,
    /// The volume, as Docker calls it
    #[arg(value_name = "NAME", value_parser = VolumeName::new)]
    name: VolumeName,
}

impl AdoptArguments {
    fn request(&self) -> Request {
        let copy_anew = self.copy_anew;
        match (self.which.clone(), self.name.clone()) {
            (Some(which), Some(name)) if self.dry_run => Request::AdoptableAs {
                which,
                name,
                copy_anew,
            },
            _ if self.dry_run => Request::Adoptable { copy_anew },
            (Some(which), name) => Request::Adopt {
                which,
                name,
                copy_anew,
            },
            (None, _) => Request::AdoptAll { copy_anew },
        }
    }
}

impl VolumeCommand {
    /// Runs it.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn run(&self, to: &mut Streams<'_>) -> io::Result<Exit> {
        let (plugin, request) = match self {
            Self::List(arguments) => (&arguments.plugin, Request::List),
            Self::Show(arguments) => {
                let name = arguments.name.clone();
                (&arguments.plugin, Request::Show { name })
            }
            Self::Grow(arguments) => {
                let (name, to) = (arguments.name.clone(), arguments.size);
                (&arguments.plugin, Request::Grow { name, to })
            }
            Self::Promote(arguments) => {
                let request = Request::Promote {
                    snapshot: arguments.snapshot.clone(),
                    overwrite: arguments.yes,
                    stop_group: arguments.stop_group,
                };
                (&arguments.plugin, request)
            }
            Self::Adopt(arguments) => (&arguments.plugin, arguments.request()),
            Self::Release(arguments) => {
                let name = arguments.name.clone();
                let request = match arguments.forget {
                    true => Request::Forget { name },
                    false => Request::Release { name },
                };
                (&arguments.plugin, request)
            }
        };
        let Some(config) = load_config(&plugin.config, to.err)? else {
            return Ok(Exit::Problems);
        };
        let socket = operator_socket::path(&config.global.run_dir);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let asked = operator_socket::ask(&socket, &request, |line| {
            // Whoever cannot be told is told the end, or its exit status.
            let _ = writeln!(to.err, "{line}");
        });
        match (self, runtime.block_on(asked)) {
            (Self::List(arguments), Ok(Answer::List(all))) => list::print(&all, arguments.json, to),
            (Self::Show(arguments), Ok(Answer::Show(shown))) => {
                show::print(&shown, arguments.json, to)
            }
            (Self::Grow(_), Ok(Answer::Grown(grown))) => grow::print(&grown, to),
            (Self::Promote(_), Ok(Answer::Promoted(promoted))) => promote::print(&promoted, to),
            (Self::Adopt(arguments), Ok(Answer::Adoptable(found))) => {
                adopt::print_candidates(found, arguments.which.as_deref(), to)
            }
            (Self::Adopt(_), Ok(Answer::Adopted(done))) => adopt::print_adoptions(&done, to),
            (Self::Release(arguments), Ok(Answer::Released { schedules })) => {
                let name = &arguments.name;
                for schedule in schedules.iter().flatten() {
                    writeln!(
                        to.err,
                        "warning: schedule `{schedule}` of the array is for `{name}` by the name that its VV had until now: each of its runs fails; hint: remove it (`removesched {schedule}`), and make one for the old name"
                    )?;
                }
                writeln!(
                    to.out,
                    "`{name}` is no volume of Docker's any more; on the array it has its old name and comment, and all data"
                )?;
                Ok(Exit::Ok)
            }
            (Self::Release(_), Ok(Answer::Forgotten(Forgotten { name, was, wwn }))) => {
                writeln!(
                    to.out,
                    "`{name}` is forgotten: no array of its backend has its VV by a name that Docker knows; if it is somewhere by another name than `{was}` (WWN {wwn}), it has this plugin's comment still"
                )?;
                Ok(Exit::Ok)
            }
            (_, Ok(other)) => {
                let what = format!("{other:?}").chars().take(80).collect();
                failed(&ClientError::NotUnderstood(what), to)
            }
            (_, Err(error)) => failed(&error, to),
        }
    }
}

fn failed(error: &ClientError, to: &mut Streams<'_>) -> io::Result<Exit> {
    let hint = error.hint().map(|hint| format!("; hint: {hint}"));
    writeln!(to.err, "error: {error}{}", hint.unwrap_or_default())?;
    Ok(Exit::Problems)
}
