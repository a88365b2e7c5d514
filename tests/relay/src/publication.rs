//! A published broadcast with its tracks.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use moq_net::{Broadcast, BroadcastConsumer, BroadcastProducer, Error, GroupProducer, Track, TrackProducer};

use crate::content;

/// Shape of the groups to write.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub frames: usize,
    /// Bytes of each frame.
    pub size: usize,
}

impl Shape {
    /// Refuses groups that the library would cut short in silence.
    pub fn check(&self) -> anyhow::Result<()> {
        if self.frames > content::MAX_FRAMES {
            bail!("a group holds at most {} frames", content::MAX_FRAMES);
        }
        if self.frames.saturating_mul(self.size) > content::MAX_GROUP_BYTES {
            bail!("a group holds at most {} bytes", content::MAX_GROUP_BYTES);
        }
        Ok(())
    }
}

/// The producing side of one broadcast.
pub struct Publication {
    broadcast: BroadcastProducer,
    tracks: BTreeMap<String, TrackProducer>,
    /// Groups that stay open as long as the publication lives.
    open: Vec<GroupProducer>,
}

impl Publication {
    /// Makes a broadcast with these tracks; no other track can be subscribed to.
    pub fn new(names: &[String]) -> anyhow::Result<Self> {
        let mut broadcast = Broadcast::new().produce();
        let mut tracks = BTreeMap::new();
        for name in names {
            let track = broadcast.create_track(Track::new(name)).with_context(|| format!("track {name}"))?;
            tracks.insert(name.clone(), track);
        }
        Ok(Self { broadcast, tracks, open: Vec::new() })
    }

    /// What a session publishes.
    pub fn consume(&self) -> BroadcastConsumer {
        self.broadcast.consume()
    }

    /// The producer of one track.
    pub fn track(&mut self, name: &str) -> anyhow::Result<&mut TrackProducer> {
        self.tracks.get_mut(name).with_context(|| format!("no track {name}"))
    }

    /// Appends one finished group and returns its sequence.
    pub fn write(&mut self, track: &str, shape: Shape) -> anyhow::Result<u64> {
        let mut group = self.append(track, shape)?;
        group.finish()?;
        Ok(group.sequence)
    }

    /// Appends one group that never ends, and returns its sequence.
    pub fn write_open(&mut self, track: &str, shape: Shape) -> anyhow::Result<u64> {
        let group = self.append(track, shape)?;
        let sequence = group.sequence;
        self.open.push(group);
        Ok(sequence)
    }

    fn append(&mut self, track: &str, shape: Shape) -> anyhow::Result<GroupProducer> {
        shape.check()?;
        let mut group = self.track(track)?.append_group()?;
        for index in 0..shape.frames {
            group.write_frame(content::frame(group.sequence, index, shape.size))?;
        }
        Ok(group)
    }

    /// Ends the broadcast and what of its tracks isn't finished.
    pub fn end(mut self) {
        // Either fails only if it has ended already.
        let _ = self.broadcast.abort(Error::Cancel);
        for track in self.tracks.values_mut() {
            let _ = track.abort(Error::Cancel);
        }
    }
}
