//! A subscription that is read in the background and counted.

use moq_net::{Error, GroupConsumer, TrackConsumer};
use tokio::{sync::watch, task::JoinHandle};

use crate::{content, session::Session};

/// What a subscription has received so far. A group counts, with its frames, when it is complete.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    pub groups: u64,
    pub frames: u64,
    pub bytes: u64,
    /// Groups that ended in an error.
    pub broken: u64,
    /// Frames whose content isn't what the script's `write` makes.
    pub foreign: u64,
    /// Sequence of the group that was completed last.
    pub last: Option<u64>,
    /// Why the subscription ended, once it has.
    pub ended: Option<String>,
}

/// A subscription in progress; dropping it leaves it running, see [`Subscription::stop`].
pub struct Subscription {
    task: JoinHandle<()>,
    progress: watch::Receiver<Progress>,
}

impl Subscription {
    /// Reads `track` until it ends.
    pub fn start(session: &Session, track: TrackConsumer) -> Self {
        let (sender, progress) = watch::channel(Progress::default());
        let task = session.spawn(read_track(track, sender));
        Self { task, progress }
    }

    /// What has been received; the receiver sees every change.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// Cancels the subscription; the relay has been told, or soon is, when this returns.
    pub async fn stop(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

/// Waits until `done` holds, or the subscription has ended, and returns the state at that time.
pub async fn wait_for<F>(progress: &mut watch::Receiver<Progress>, mut done: F) -> Progress
where
    F: FnMut(&Progress) -> bool,
{
    let result = progress.wait_for(|state| state.ended.is_some() || done(state)).await.map(|state| state.clone());
    result.unwrap_or_else(|_| {
        // The reader went without a word: its session was closed or aborted.
        let mut state = progress.borrow().clone();
        state.ended.get_or_insert_with(|| "session gone".to_string());
        state
    })
}

async fn read_track(mut track: TrackConsumer, progress: watch::Sender<Progress>) {
    let reason = loop {
        match track.recv_group().await {
            Ok(Some(group)) => read_group(group, &progress).await,
            Ok(None) => break "finished".to_string(),
            Err(err) => break format!("error: {err}"),
        }
    };
    progress.send_modify(|state| state.ended = Some(reason));
}

async fn read_group(mut group: GroupConsumer, progress: &watch::Sender<Progress>) {
    let sequence = group.sequence;
    let result = read_frames(&mut group).await;
    progress.send_modify(|state| match result {
        Ok(seen) => {
            state.groups += 1;
            state.frames += seen.frames;
            state.bytes += seen.bytes;
            state.foreign += seen.foreign;
            state.last = Some(sequence);
        }
        Err(_) => state.broken += 1,
    });
}

async fn read_frames(group: &mut GroupConsumer) -> Result<Progress, Error> {
    let mut seen = Progress::default();
    let mut index = 0;
    while let Some(frame) = group.read_frame().await? {
        seen.frames += 1;
        seen.bytes += frame.len() as u64;
        seen.foreign += u64::from(!content::matches(group.sequence, index, &frame));
        index += 1;
    }
    Ok(seen)
}
