//! Attaches and detaches a volume by hand, as the plugin does: for trying out a machine with real paths, without arrays' commands.
//!
//! ```text
//! san attach WWN BYTES PLACE [PLACE]     prints the device
//! san resize WWN BYTES
//! san paths WWN PLACE...
//! san detach WWN
//! san list | san check | san initiators
//! PLACE: ARRAY/LUN/PORT[,PORT...]        PORT: IQN@ADDRESS:PORT, or a port WWN
//! ```
//!
//! CHAP: the name in `CHAP_USER`, the secret in `CHAP_SECRET`. `SECONDS`: for an attach, 60 unless given. `LOG=debug` shows what
//! is run. `FC=1`: this machine is known by its Fibre Channel ports.

use std::{env, error::Error, path::Path, time::Duration};

use hpe3par_docker::{
    host::{Export, Kernel, Place, Programs, San, Transport, Turns},
    model::{Chap, Lun, Secret, Size, TargetPort, Wwn},
};
use tokio::time::Instant;

type Failure = Box<dyn Error>;

fn port(text: &str) -> Result<TargetPort, Failure> {
    Ok(match text.split_once('@') {
        Some((iqn, portal)) => TargetPort::Iscsi {
            iqn: iqn.to_owned(),
            portal: portal.parse()?,
        },
        None => TargetPort::Fc {
            wwpn: text.to_ascii_uppercase(),
        },
    })
}

fn place(text: &str) -> Result<Place, Failure> {
    let parts: Vec<&str> = text.splitn(3, '/').collect();
    let [array, lun, ports] = parts[..] else {
        return Err(format!("`{text}` is not ARRAY/LUN/PORTS").into());
    };
    let chap = env::var("CHAP_USER").ok().map(|user| Chap {
        user,
        secret: Secret::new(env::var("CHAP_SECRET").unwrap_or_default()),
    });
    Ok(Place {
        array: array.to_owned(),
        lun: Lun(lun.parse()?),
        ports: ports.split(',').map(port).collect::<Result<_, _>>()?,
        chap,
    })
}

async fn run(words: &[&str]) -> Result<(), Failure> {
    let turns = Turns::default();
    let (kernel, programs) = (Kernel::default(), Programs::default());
    let san = if env::var_os("FC").is_some() {
        San::fc(kernel, programs, &turns)?
    } else {
        let name = Path::new("/etc/iscsi/initiatorname.iscsi");
        San::iscsi(kernel, programs, &turns, name)?
    };
    let transport = Transport::San(san.clone());
    let wwn = |text: &str| text.parse::<Wwn>();
    let size = |text: &str| -> Result<Size, Failure> {
        let bytes: u64 = text.parse()?;
        Ok(Size::from_mib(bytes >> 20))
    };
    match words {
        ["attach", volume, bytes, places @ ..] => {
            let mut places = places.iter().map(|text| place(text));
            let export = Export {
                serving: places.next().ok_or("a place is needed")??,
                second: places.next().transpose()?,
                wwn: wwn(volume)?,
                size: size(bytes)?,
            };
            let seconds = env::var("SECONDS").map_or(Ok(60), |text| text.parse())?;
            let begun = Instant::now();
            let device = transport
                .attach(&export, begun + Duration::from_secs(seconds))
                .await?;
            let took = begun.elapsed().as_millis();
            println!("{} {} {took} ms", device.path().display(), device.bytes());
            // What comes late is added by this process.
            if let Ok(stay) = env::var("STAY") {
                tokio::time::sleep(Duration::from_secs(stay.parse()?)).await;
            }
        }
        ["resize", volume, bytes] => {
            let device = transport.resize(&wwn(volume)?, size(bytes)?).await?;
            println!("{}", device.is_changed());
        }
        ["paths", volume, places @ ..] => {
            let places: Vec<Place> = places
                .iter()
                .map(|text| place(text))
                .collect::<Result<_, _>>()?;
            let places: Vec<&Place> = places.iter().collect();
            for path in transport.paths(&wwn(volume)?, &places).await? {
                println!("{} {path:?}", path.is_usable());
            }
        }
        ["detach", volume] => println!("{:?}", transport.detach(&wwn(volume)?).await?),
        ["list"] => {
            for device in transport.list()? {
                println!("{} {}", device.wwn(), device.path().display());
            }
        }
        ["check"] => {
            for finding in san.check_multipath().await? {
                println!("{finding}");
            }
        }
        ["initiators"] => {
            for name in transport.initiators() {
                println!("{name}");
            }
        }
        _ => return Err("what? See the head of examples/san.rs".into()),
    }
    Ok(())
}

#[tokio::main]
async fn main() {
    env_logger::Builder::from_env(env_logger::Env::new().filter("LOG")).init();
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if let Err(error) = run(&words).await {
        eprintln!("error: {error}");
        if let Some(host) = error.downcast_ref::<hpe3par_docker::host::HostError>()
            && let Some(hint) = host.hint()
        {
            eprintln!("hint: {hint}");
        }
        std::process::exit(1);
    }
}
