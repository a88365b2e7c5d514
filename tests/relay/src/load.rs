//! Bulk traffic: one publisher session, and sessions that each subscribe to every track.

use std::time::Duration;

use anyhow::{Context, ensure};
use moq_net::{Path, PathOwned, Version};
use tokio::time::{Instant, MissedTickBehavior};
use url::Url;

use crate::{
    publication::{Publication, Shape},
    session::{Role, Session, Target},
    subscription::{self, Subscription},
};

/// How long to wait for an announcement, a lockstep group or the last groups of a paced run.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(clap::Args)]
pub struct Args {
    /// The relay, for the publisher and the subscribers alike.
    #[arg(long)]
    url: Url,

    /// The relay of the subscribers, if it is another one.
    #[arg(long)]
    subscribe_url: Option<Url>,

    /// Insist on this protocol version.
    #[arg(long)]
    client_version: Option<Version>,

    /// Broadcasts of the publisher.
    #[arg(long, default_value_t = 1)]
    broadcasts: usize,

    /// Tracks of each broadcast.
    #[arg(long, default_value_t = 1)]
    tracks: usize,

    /// Groups of each track, then hold; 0 is without end.
    #[arg(long, default_value_t = 10)]
    groups: u64,

    /// Frames of each group.
    #[arg(long, default_value_t = 10)]
    frames: usize,

    /// Bytes of each frame.
    #[arg(long, default_value_t = 1000)]
    size: usize,

    /// Subscriber sessions.
    #[arg(long, default_value_t = 1)]
    sessions: usize,

    /// Groups a second of each track. Without it, each group waits until the one before is delivered everywhere.
    #[arg(long)]
    rate: Option<f64>,

    /// Seconds to run, holding after the last group; 0 is until interrupted.
    #[arg(long, default_value_t = 0.0)]
    duration: f64,

    /// Broadcasts are named PREFIX/0, PREFIX/1 and so on.
    #[arg(long, default_value = "demo")]
    prefix: String,
}

impl Args {
    fn target(&self, url: &Url, role: Role) -> Target {
        let mut target = Target::new(url.clone(), role);
        target.version = self.client_version;
        target
    }
}

/// Runs the load until its time is over or it is interrupted, then prints what was delivered.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let shape = Shape { frames: args.frames, size: args.size };
    shape.check()?;
    ensure!(args.rate.is_none_or(|rate| rate > 0.0 && rate.is_finite()), "--rate must be positive");
    let end = match args.duration {
        0.0 => None,
        seconds => Some(Instant::now() + Duration::try_from_secs_f64(seconds).context("--duration")?),
    };

    let mut load = Load::start(&args, shape).await?;
    let watchers = load.watchers();
    let result = tokio::select! {
        result = load.drive(&args) => result,
        () = progress(watchers) => unreachable!("it never returns"),
        () = wait_until(end) => Ok(()),
        result = tokio::signal::ctrl_c() => Ok(result?),
    };
    load.settle().await;
    load.print_totals();
    load.close().await;
    result
}

struct Load {
    publisher: Session,
    subscribers: Vec<Session>,
    publications: Vec<Publication>,
    tracks: Vec<String>,
    subscriptions: Vec<Subscription>,
    shape: Shape,
    /// Groups that every track has been given.
    written: u64,
}

impl Load {
    /// Connects, publishes and subscribes everything.
    async fn start(args: &Args, shape: Shape) -> anyhow::Result<Self> {
        let tracks: Vec<String> = (0..args.tracks).map(|index| format!("t{index}")).collect();
        let publisher = Session::connect(&args.target(&args.url, Role::Publish)).await?;
        let mut publications = Vec::new();
        let mut paths: Vec<PathOwned> = Vec::new();
        for index in 0..args.broadcasts {
            let path = Path::new(&args.prefix).join(index.to_string());
            let publication = Publication::new(&tracks)?;
            publisher.publish(&path, publication.consume())?;
            publications.push(publication);
            paths.push(path);
        }

        let url = args.subscribe_url.as_ref().unwrap_or(&args.url);
        let mut subscribers = Vec::new();
        let mut subscriptions = Vec::new();
        for _ in 0..args.sessions {
            let session = Session::connect(&args.target(url, Role::Subscribe)).await?;
            let mut announced = session.announced()?;
            let all = announced.wait_for(|now| paths.iter().all(|path| now.contains_key(path)));
            let now = tokio::time::timeout(PATIENCE, all).await.context("not everything was announced")??.clone();
            for path in &paths {
                for track in &tracks {
                    let consumer = session.subscribe_soon(&now[path], track).await?;
                    subscriptions.push(Subscription::start(&session, consumer));
                }
            }
            subscribers.push(session);
        }
        Ok(Self { publisher, subscribers, publications, tracks, subscriptions, shape, written: 0 })
    }

    /// Writes all groups, then holds for ever.
    async fn drive(&mut self, args: &Args) -> anyhow::Result<()> {
        let mut pace = args.rate.map(|rate| {
            let mut pace = tokio::time::interval(Duration::from_secs_f64(1.0 / rate));
            // A late tick must not become a burst.
            pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
            pace
        });
        while args.groups == 0 || self.written < args.groups {
            // The first group goes in lockstep in any case: until a track's first group is through, the relay may
            // not have subscribed to it yet, and would then begin with its latest.
            if let (Some(pace), true) = (&mut pace, self.written > 0) {
                pace.tick().await;
            }
            self.write_all()?;
            if pace.is_none() || self.written == 1 {
                self.wait_delivered().await?;
            }
        }
        std::future::pending().await
    }

    /// Gives every track one more group.
    fn write_all(&mut self) -> anyhow::Result<()> {
        for publication in &mut self.publications {
            for track in &self.tracks {
                publication.write(track, self.shape)?;
            }
        }
        self.written += 1;
        Ok(())
    }

    /// Waits until every subscription has received every group.
    async fn wait_delivered(&self) -> anyhow::Result<()> {
        for subscription in &self.subscriptions {
            let mut progress = subscription.progress();
            let arrived = subscription::wait_for(&mut progress, |state| state.groups >= self.written);
            let state = tokio::time::timeout(PATIENCE, arrived).await.context("a group wasn't delivered")?;
            ensure!(state.groups == self.written, "{state:?} instead of {} groups", self.written);
        }
        Ok(())
    }

    /// Gives what is under way at the end a chance to arrive.
    async fn settle(&self) {
        let _ = self.wait_delivered().await;
    }

    fn watchers(&self) -> Vec<tokio::sync::watch::Receiver<subscription::Progress>> {
        self.subscriptions.iter().map(Subscription::progress).collect()
    }

    fn print_totals(&self) {
        let tracks = (self.publications.len() * self.tracks.len()) as u64;
        let (groups, frames, bytes) = totals(&self.watchers());
        let expected = self.written * self.subscriptions.len() as u64;
        println!(
            "tracks={tracks} written={} expected={expected} groups={groups} frames={frames} bytes={bytes}",
            self.written * tracks,
        );
    }

    async fn close(self) {
        for session in self.subscribers {
            session.close().await;
        }
        self.publisher.close().await;
    }
}

/// Prints the totals and the last second's rates, for ever.
async fn progress(watchers: Vec<tokio::sync::watch::Receiver<subscription::Progress>>) {
    let mut ticker = tokio::time::interval(Duration::from_secs(1));
    ticker.tick().await;
    let (mut second, mut before) = (0, (0, 0, 0));
    loop {
        ticker.tick().await;
        second += 1;
        let now = totals(&watchers);
        eprintln!(
            "{second}s groups={} (+{}) frames={} (+{}) bytes={} (+{})",
            now.0,
            now.0 - before.0,
            now.1,
            now.1 - before.1,
            now.2,
            now.2 - before.2,
        );
        before = now;
    }
}

/// Groups, frames and bytes over all subscriptions.
fn totals(watchers: &[tokio::sync::watch::Receiver<subscription::Progress>]) -> (u64, u64, u64) {
    watchers.iter().fold((0, 0, 0), |sum, watcher| {
        let state = watcher.borrow();
        (sum.0 + state.groups, sum.1 + state.frames, sum.2 + state.bytes)
    })
}

async fn wait_until(end: Option<Instant>) {
    match end {
        Some(end) => tokio::time::sleep_until(end).await,
        None => std::future::pending().await,
    }
}
