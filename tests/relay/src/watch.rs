//! Prints every frame of a statistics broadcast.

use std::{io::Write, path::PathBuf};

use anyhow::{Context, bail};
use moq_net::{Path, TrackConsumer, Version};
use tokio::{io::AsyncReadExt, task::JoinSet};
use url::Url;

use crate::session::{Role, Session, Target};

/// The tracks of a relay's statistics broadcast.
const TRACKS: [&str; 6] = [
    "publisher.json",
    "subscriber.json",
    "internal/publisher.json",
    "internal/subscriber.json",
    "sessions.json",
    "internal/sessions.json",
];

#[derive(clap::Args)]
pub struct Args {
    /// The relay.
    #[arg(long)]
    url: Url,

    /// The broadcast to read, for example .stats/node/n1.
    #[arg(long)]
    broadcast: String,

    /// A track to read, repeatable; the six of a statistics broadcast if none is given.
    #[arg(long)]
    track: Vec<String>,

    /// Insist on this protocol version.
    #[arg(long)]
    client_version: Option<Version>,

    /// Certificate for mTLS.
    #[arg(long, requires = "key")]
    cert: Option<PathBuf>,

    /// The certificate's key.
    #[arg(long, requires = "cert")]
    key: Option<PathBuf>,

    /// Stop at the end of stdin.
    #[arg(long)]
    until_eof: bool,
}

/// Prints frames until the session ends, which is an error, or stdin does.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let mut target = Target::new(args.url, Role::Subscribe);
    target.version = args.client_version;
    target.identity = args.cert.zip(args.key);
    let session = Session::connect(&target).await?;

    let stop = async { if args.until_eof { read_to_eof().await } else { std::future::pending().await } };
    let result = tokio::select! {
        err = session.closed() => bail!("session closed: {err}"),
        result = follow(&session, &args.broadcast, &args.track) => result,
        () = stop => Ok(()),
    };
    session.close().await;
    result
}

/// Follows every track; returns only on an error or when all tracks have ended.
async fn follow(session: &Session, name: &str, tracks: &[String]) -> anyhow::Result<()> {
    let path = Path::new(name).to_owned();
    let mut announced = session.announced()?;
    let broadcast = {
        let paths = announced.wait_for(|paths| paths.contains_key(&path)).await?;
        paths[&path].clone()
    };

    let default = TRACKS.map(String::from);
    let tracks = if tracks.is_empty() { &default[..] } else { tracks };
    let mut readers = JoinSet::new();
    for track in tracks {
        let consumer = session.subscribe_soon(&broadcast, track).await.with_context(|| track.clone())?;
        readers.spawn(print_track(name.to_string(), consumer));
    }
    eprintln!("watching {name}");
    while let Some(result) = readers.join_next().await {
        result??;
    }
    bail!("every track of {name} has ended")
}

async fn print_track(broadcast: String, mut track: TrackConsumer) -> anyhow::Result<()> {
    while let Some(mut group) = track.recv_group().await.with_context(|| track.name.clone())? {
        while let Some(frame) = group.read_frame().await? {
            let frame = std::str::from_utf8(&frame).context("the frame isn't UTF-8")?;
            print_frame(&broadcast, &track.name, group.sequence, frame)?;
        }
    }
    eprintln!("{} ended", track.name);
    Ok(())
}

/// Writes one whole line, with the frame as the relay wrote it.
fn print_frame(broadcast: &str, track: &str, sequence: u64, frame: &str) -> anyhow::Result<()> {
    // Names of statistics broadcasts and tracks are the relay's own and need no escapes but these.
    let escape = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let (broadcast, track) = (escape(broadcast), escape(track));
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, r#"{{"broadcast":"{broadcast}","track":"{track}","sequence":{sequence},"frame":{frame}}}"#)?;
    Ok(stdout.flush()?)
}

async fn read_to_eof() {
    let mut stdin = tokio::io::stdin();
    let mut buffer = [0; 256];
    while matches!(stdin.read(&mut buffer).await, Ok(n) if n > 0) {}
}
