//! Commands from stdin, one a line, each answered by one line once its effect is complete.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    future::Future,
    io::Write as _,
    path::PathBuf,
    time::Duration,
};

use anyhow::{Context, anyhow, bail, ensure};
use moq_net::{BroadcastConsumer, Path, PathOwned};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::{
    line::{self, Options},
    publication::{Publication, Shape},
    session::{Announced, Role, Session, Target},
    subscription::{self, Progress, Subscription},
};

/// How long a command waits unless its `timeout=` says otherwise.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Executes stdin to its end, then closes every session.
pub async fn run() -> anyhow::Result<()> {
    let mut script = Script::default();
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let answer = match script.execute(line).await {
            Ok(details) if details.is_empty() => "ok".to_string(),
            Ok(details) => format!("ok {details}"),
            Err(err) => format!("err {err:#}{}", script.ended_sessions().await).replace('\n', " "),
        };
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "{answer}")?;
        stdout.flush()?;
    }
    script.close_all().await;
    Ok(())
}

/// A command that was given a certain time, and the time's end.
async fn within<F: Future>(timeout: Duration, what: &str, future: F) -> anyhow::Result<F::Output> {
    let result = tokio::time::timeout(timeout, future).await;
    result.map_err(|_| anyhow!("timeout: {what}"))
}

#[derive(Default)]
struct Script {
    sessions: BTreeMap<String, Session>,
    /// By session and path.
    publications: BTreeMap<(String, PathOwned), Publication>,
    subscriptions: BTreeMap<String, Subscription>,
}

impl Script {
    /// Executes one command and returns what follows the `ok`.
    async fn execute(&mut self, text: &str) -> anyhow::Result<String> {
        let (command, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        match command {
            "connect" => self.connect(rest).await,
            "publish" => self.publish(rest).await,
            "unpublish" => self.unpublish(rest).await,
            "write" => self.write(rest).await,
            "open" => self.open(rest),
            "finish" => self.finish(rest),
            "subscribe" => self.subscribe(rest).await,
            "unsubscribe" => self.unsubscribe(rest).await,
            "expect" => self.expect(rest).await,
            "ended" => self.ended(rest).await,
            "wait-announced" => self.wait_announced(rest, true).await,
            "wait-unannounced" => self.wait_announced(rest, false).await,
            "wait-used" => self.wait_used(rest, true).await,
            "wait-unused" => self.wait_used(rest, false).await,
            "list" => self.list(rest),
            "close" => self.close(rest).await,
            "abort" => self.abort(rest).await,
            "sleep" => sleep(rest).await,
            _ => bail!("unknown command {command}"),
        }
    }

    /// Which sessions have ended by themselves, and why, for an error: it may come of that.
    async fn ended_sessions(&self) -> String {
        let mut text = String::new();
        for (name, session) in &self.sessions {
            if let Ok(why) = tokio::time::timeout(Duration::from_millis(10), session.closed()).await {
                write!(text, "; session {name} has ended: {why}").expect("a string takes all");
            }
        }
        text
    }

    async fn connect(&mut self, rest: &str) -> anyhow::Result<String> {
        let ([name, url], mut options) = line::parse(rest)?;
        let timeout = take_timeout(&mut options)?;
        let role = options.parse("role")?.unwrap_or(Role::Both);
        let mut target = Target::new(url.parse().context("bad URL")?, role);
        target.version = options.take("version")?.map(|v| v.parse().map_err(anyhow::Error::msg)).transpose()?;
        target.identity = match (options.take("cert")?, options.take("key")?) {
            (None, None) => None,
            (Some(cert), Some(key)) => Some((PathBuf::from(cert), PathBuf::from(key))),
            _ => bail!("cert= and key= go together"),
        };
        options.finish()?;
        ensure!(!self.sessions.contains_key(&name), "session {name} exists");

        let session = within(timeout, "no connection", Session::connect_isolated(&target)).await??;
        let answer = format!("version={}", session.version());
        self.sessions.insert(name, session);
        Ok(answer)
    }

    async fn publish(&mut self, rest: &str) -> anyhow::Result<String> {
        let ([name, path], mut options) = line::parse(rest)?;
        let timeout = take_timeout(&mut options)?;
        let confirm = options.parse("confirm")?.unwrap_or(Confirm::Yes);
        let mut tracks = options.take_all("track")?;
        let numbered: usize = options.parse("tracks")?.unwrap_or(0);
        tracks.extend((0..numbered).map(|index| format!("t{index}")));
        options.finish()?;

        let path = Path::new(&path).to_owned();
        let session = self.session(&name)?;
        let key = (name.clone(), path.clone());
        ensure!(!self.publications.contains_key(&key), "{name} publishes {path} already");

        let before = announced_now(session, &path);
        let publication = Publication::new(&tracks)?;
        session.publish(&path, publication.consume())?;
        self.publications.insert(key, publication);

        let changed = |paths: &Announced| paths.get(&path).is_some_and(|now| !same(before.as_ref(), Some(now)));
        self.confirm(&name, confirm, timeout, "not announced back", changed).await
    }

    async fn unpublish(&mut self, rest: &str) -> anyhow::Result<String> {
        let ([name, path], mut options) = line::parse(rest)?;
        let timeout = take_timeout(&mut options)?;
        let confirm = options.parse("confirm")?;
        options.finish()?;
        // With the IETF drafts the library keeps a path announced until its publisher's session ends.
        let confirm =
            confirm.unwrap_or(if self.session(&name)?.version().is_ietf() { Confirm::No } else { Confirm::Yes });

        let path = Path::new(&path).to_owned();
        let before = announced_now(self.session(&name)?, &path);
        let key = (name.clone(), path.clone());
        self.publications.remove(&key).with_context(|| format!("{name} doesn't publish {path}"))?.end();

        // With another publisher of the same path the relay announces that one's in its place.
        let changed = |paths: &Announced| match paths.get(&path) {
            Some(now) => !same(before.as_ref(), Some(now)),
            None => true,
        };
        self.confirm(&name, confirm, timeout, "still announced back", changed).await
    }

    /// Waits until the relay has announced a change back to the session that made it.
    async fn confirm<F>(
        &self,
        name: &str,
        confirm: Confirm,
        timeout: Duration,
        what: &str,
        changed: F,
    ) -> anyhow::Result<String>
    where
        F: FnMut(&Announced) -> bool,
    {
        let Ok(mut announced) = self.session(name)?.announced() else {
            return Ok("unconfirmed".to_string());
        };
        if confirm == Confirm::No {
            return Ok("unconfirmed".to_string());
        }
        within(timeout, what, announced.wait_for(changed)).await?.context("session gone")?;
        Ok(String::new())
    }

    async fn write(&mut self, rest: &str) -> anyhow::Result<String> {
        let ([name, path, track], mut options) = line::parse(rest)?;
        let timeout = take_timeout(&mut options)?;
        let groups: u64 = options.parse("groups")?.unwrap_or(1);
        let shape = Shape {
            frames: options.parse("frames")?.context("frames= is missing")?,
            size: options.parse("size")?.context("size= is missing")?,
        };
        let lockstep = options.take("lockstep")?;
        options.finish()?;

        let mut readers = Vec::new();
        for id in lockstep.iter().flat_map(|ids| ids.split(',')) {
            readers.push((id.to_string(), self.subscription(id)?.progress()));
        }

        let publication = self.publication(&name, &path)?;
        let mut last = None;
        for _ in 0..groups {
            let sequence = publication.write(&track, shape)?;
            for (id, progress) in &mut readers {
                let what = format!("{id} didn't complete group {sequence}");
                let arrived = |state: &Progress| state.last == Some(sequence);
                let state = within(timeout, &what, subscription::wait_for(progress, arrived)).await?;
                ensure!(arrived(&state), "{what}: {}", describe(&state));
            }
            last = Some(sequence);
        }
        Ok(last.map_or_else(String::new, |sequence| format!("last={sequence}")))
    }

    fn open(&mut self, rest: &str) -> anyhow::Result<String> {
        let ([name, path, track], mut options) = line::parse(rest)?;
        let shape = Shape {
            frames: options.parse("frames")?.context("frames= is missing")?,
            size: options.parse("size")?.context("size= is missing")?,
        };
        options.finish()?;
        let sequence = self.publication(&name, &path)?.write_open(&track, shape)?;
        Ok(format!("last={sequence}"))
    }

    fn finish(&mut self, rest: &str) -> anyhow::Result<String> {
        let ([name, path, track], options) = line::parse(rest)?;
        options.finish()?;
        self.publication(&name, &path)?.track(&track)?.finish()?;
        Ok(String::new())
    }

    async fn subscribe(&mut self, rest: &str) -> anyhow::Result<String> {
        let ([name, path, track], mut options) = line::parse(rest)?;
        let timeout = take_timeout(&mut options)?;
        let id = options.take("as")?.context("as= is missing")?;
        options.finish()?;
        ensure!(!self.subscriptions.contains_key(&id), "subscription {id} exists");

        let path = Path::new(&path).to_owned();
        let session = self.session(&name)?;
        let mut announced = session.announced()?;
        let ask = async {
            let present = announced.wait_for(|paths| paths.contains_key(&path));
            let broadcast = present.await.context("session gone")?[&path].clone();
            session.subscribe_soon(&broadcast, &track).await
        };
        let track = within(timeout, "not announced", ask).await??;
        let subscription = Subscription::start(session, track);
        self.subscriptions.insert(id, subscription);
        Ok(String::new())
    }

    async fn unsubscribe(&mut self, rest: &str) -> anyhow::Result<String> {
        let ([id], options) = line::parse(rest)?;
        options.finish()?;
        let subscription = self.subscriptions.remove(&id).with_context(|| format!("no subscription {id}"))?;
        let state = subscription.progress().borrow().clone();
        subscription.stop().await;
        Ok(describe(&state))
    }

    async fn expect(&mut self, rest: &str) -> anyhow::Result<String> {
        let ([id], mut options) = line::parse(rest)?;
        let timeout = take_timeout(&mut options)?;
        let groups: Option<u64> = options.parse("groups")?;
        let frames: Option<u64> = options.parse("frames")?;
        let bytes: Option<u64> = options.parse("bytes")?;
        let settle = Duration::from_millis(options.parse("settle")?.unwrap_or(0));
        let any_content = options.parse("content")?.unwrap_or(Content::Written) == Content::Any;
        options.finish()?;
        ensure!(groups.or(frames).or(bytes).is_some(), "one of groups=, frames=, bytes= is needed");

        let reached = |wanted: Option<u64>, seen: u64| wanted.is_none_or(|wanted| seen >= wanted);
        let exactly = |wanted: Option<u64>, seen: u64| wanted.is_none_or(|wanted| seen == wanted);
        let mut progress = self.subscription(&id)?.progress();
        let waiting = subscription::wait_for(&mut progress, |state| {
            reached(groups, state.groups) && reached(frames, state.frames) && reached(bytes, state.bytes)
        });
        let result = tokio::time::timeout(timeout, waiting).await;
        if result.is_ok() {
            tokio::time::sleep(settle).await;
        }
        let state = progress.borrow().clone();
        let seen = describe(&state);
        ensure!(result.is_ok(), "timeout: {seen}");
        ensure!(
            exactly(groups, state.groups) && exactly(frames, state.frames) && exactly(bytes, state.bytes),
            "{seen}"
        );
        ensure!(state.broken == 0, "broken groups: {seen}");
        ensure!(any_content || state.foreign == 0, "wrong content: {seen}");
        Ok(seen)
    }

    async fn ended(&mut self, rest: &str) -> anyhow::Result<String> {
        let ([id], mut options) = line::parse(rest)?;
        let timeout = take_timeout(&mut options)?;
        options.finish()?;
        let mut progress = self.subscription(&id)?.progress();
        let state = within(timeout, "not ended", subscription::wait_for(&mut progress, |_| false)).await?;
        Ok(state.ended.unwrap_or_default())
    }

    async fn wait_announced(&mut self, rest: &str, wanted: bool) -> anyhow::Result<String> {
        let ([name, path], mut options) = line::parse(rest)?;
        let timeout = take_timeout(&mut options)?;
        options.finish()?;
        let path = Path::new(&path).to_owned();
        let mut announced = self.session(&name)?.announced()?;
        let what = if wanted { "not announced" } else { "still announced" };
        let reached = announced.wait_for(|paths| paths.contains_key(&path) == wanted);
        within(timeout, what, reached).await?.context("session gone")?;
        Ok(String::new())
    }

    async fn wait_used(&mut self, rest: &str, wanted: bool) -> anyhow::Result<String> {
        let ([name, path, track], mut options) = line::parse(rest)?;
        let timeout = take_timeout(&mut options)?;
        options.finish()?;
        let track = self.publication(&name, &path)?.track(&track)?.clone();
        if wanted {
            within(timeout, "not used", track.used()).await??;
        } else {
            within(timeout, "still used", track.unused()).await??;
        }
        Ok(String::new())
    }

    fn list(&mut self, rest: &str) -> anyhow::Result<String> {
        let ([name], options) = line::parse(rest)?;
        options.finish()?;
        let announced = self.session(&name)?.announced()?;
        let paths = announced.borrow().keys().map(|path| line::encode(path.as_str())).collect::<BTreeSet<_>>();
        Ok(paths.into_iter().collect::<Vec<_>>().join(" "))
    }

    async fn close(&mut self, rest: &str) -> anyhow::Result<String> {
        let ([name], options) = line::parse(rest)?;
        options.finish()?;
        self.take_session(&name)?.close().await;
        self.end_publications(&name);
        Ok(String::new())
    }

    async fn abort(&mut self, rest: &str) -> anyhow::Result<String> {
        let ([name], options) = line::parse(rest)?;
        options.finish()?;
        self.take_session(&name)?.abort().await?;
        self.end_publications(&name);
        Ok(String::new())
    }

    async fn close_all(&mut self) {
        while let Some((name, session)) = self.sessions.pop_first() {
            session.close().await;
            self.end_publications(&name);
        }
    }

    fn end_publications(&mut self, name: &str) {
        let gone = |(session, _): &(String, PathOwned)| session == name;
        let keys: Vec<_> = self.publications.keys().filter(|key| gone(key)).cloned().collect();
        keys.iter().filter_map(|key| self.publications.remove(key)).for_each(Publication::end);
    }

    fn session(&self, name: &str) -> anyhow::Result<&Session> {
        self.sessions.get(name).with_context(|| format!("no session {name}"))
    }

    fn take_session(&mut self, name: &str) -> anyhow::Result<Session> {
        self.sessions.remove(name).with_context(|| format!("no session {name}"))
    }

    fn publication(&mut self, name: &str, path: &str) -> anyhow::Result<&mut Publication> {
        let key = (name.to_string(), Path::new(path).to_owned());
        self.publications.get_mut(&key).with_context(|| format!("{name} doesn't publish {path}"))
    }

    fn subscription(&self, id: &str) -> anyhow::Result<&Subscription> {
        self.subscriptions.get(id).with_context(|| format!("no subscription {id}"))
    }
}

/// Whether a command waits for the relay's own announcement of what it did.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Confirm {
    Yes,
    No,
}

impl std::str::FromStr for Confirm {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        match text {
            "yes" => Ok(Self::Yes),
            "no" => Ok(Self::No),
            _ => bail!("yes or no"),
        }
    }
}

/// Which content `expect` accepts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    /// What `write` makes.
    Written,
    Any,
}

impl std::str::FromStr for Content {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        match text {
            "written" => Ok(Self::Written),
            "any" => Ok(Self::Any),
            _ => bail!("written or any"),
        }
    }
}

async fn sleep(rest: &str) -> anyhow::Result<String> {
    let ([millis], options) = line::parse(rest)?;
    options.finish()?;
    tokio::time::sleep(Duration::from_millis(millis.parse().context("milliseconds")?)).await;
    Ok(String::new())
}

fn take_timeout(options: &mut Options) -> anyhow::Result<Duration> {
    let seconds: Option<f64> = options.parse("timeout")?;
    match seconds {
        Some(seconds) => Duration::try_from_secs_f64(seconds).context("timeout="),
        None => Ok(TIMEOUT),
    }
}

fn announced_now(session: &Session, path: &PathOwned) -> Option<BroadcastConsumer> {
    session.announced().ok()?.borrow().get(path).cloned()
}

fn same(one: Option<&BroadcastConsumer>, other: Option<&BroadcastConsumer>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.is_clone(other),
        (one, other) => one.is_none() && other.is_none(),
    }
}

/// A subscription's counts as `key=value`, without the zeros of faults.
fn describe(state: &Progress) -> String {
    let mut text = format!("groups={} frames={} bytes={}", state.groups, state.frames, state.bytes);
    for (key, count) in [("broken", state.broken), ("foreign", state.foreign)] {
        if count > 0 {
            write!(text, " {key}={count}").expect("a string takes all");
        }
    }
    if let Some(reason) = &state.ended {
        write!(text, " ended: {reason}").expect("a string takes all");
    }
    text
}
