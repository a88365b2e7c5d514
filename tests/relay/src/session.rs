//! One connection to a relay.

use std::{collections::BTreeMap, future::Future, path::PathBuf, time::Duration};

use anyhow::{Context, bail};
use moq_net::{
    BroadcastConsumer, Error, Origin, OriginConsumer, OriginProducer, PathOwned, Track, TrackConsumer, Version,
};
use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::watch,
};
use url::{Host, Url};

/// How long a clean close waits for the relay to confirm it.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Time for the transport's own tasks to send what a close left in their queues.
const FLUSH: Duration = Duration::from_millis(50);

/// Pause before a request that the library wasn't ready for is made again.
const RETRY: Duration = Duration::from_millis(2);

/// The broadcasts that a relay announces right now.
pub type Announced = BTreeMap<PathOwned, BroadcastConsumer>;

/// Which directions a session negotiates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Both,
    Publish,
    Subscribe,
}

impl std::str::FromStr for Role {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        match text {
            "both" => Ok(Self::Both),
            "publish" => Ok(Self::Publish),
            "subscribe" => Ok(Self::Subscribe),
            _ => bail!("unknown role {text}: both, publish or subscribe"),
        }
    }
}

/// What to connect to and how.
#[derive(Clone, Debug)]
pub struct Target {
    /// `https://` is WebTransport, `moqt://` is raw QUIC, `ws://` is WebSocket; there is no fallback between them.
    ///
    /// The relay refuses raw QUIC to an address, it needs a host name, and serves WebSocket at a non-empty path
    /// only, where `//` stands for the empty root.
    pub url: Url,
    /// The protocol version to insist on; any that both sides know if none is given.
    pub version: Option<Version>,
    /// Certificate and key files of a client that the relay authenticates by mTLS.
    pub identity: Option<(PathBuf, PathBuf)>,
    pub role: Role,
}

impl Target {
    /// A target without a version or a certificate.
    pub fn new(url: Url, role: Role) -> Self {
        Self { url, version: None, identity: None, role }
    }

    /// The library's configuration for this target.
    fn config(&self) -> anyhow::Result<moq_native::ClientConfig> {
        let websocket = match self.url.scheme() {
            "ws" | "wss" => true,
            "http" | "https" | "moqt" | "moql" => false,
            scheme => bail!("unknown URL scheme {scheme}"),
        };

        let mut config = moq_native::ClientConfig::default();
        config.version = self.version.into_iter().collect();
        config.tls.disable_verify = Some(true);
        if let Some((cert, key)) = &self.identity {
            config.tls.cert = Some(cert.clone());
            config.tls.key = Some(key.clone());
        }
        config.websocket.enabled = websocket;
        // The delay is QUIC's head start in a race that we never run.
        config.websocket.delay = None;
        // Bind to the loopback of the URL's family: [::] fails where IPv6 is off.
        config.bind = match self.url.host() {
            Some(Host::Ipv6(_)) => "[::1]:0".parse()?,
            _ => "127.0.0.1:0".parse()?,
        };
        Ok(config)
    }
}

/// A connected session.
pub struct Session {
    inner: moq_net::Session,
    /// Owns the UDP socket.
    client: moq_native::Client,
    publish: Option<OriginProducer>,
    announced: Option<watch::Receiver<Announced>>,
    /// Where the connection's tasks run.
    handle: Handle,
    /// Holds one if these tasks have a runtime of their own, which [`Session::abort`] needs.
    runtime: RuntimeGuard,
}

impl Session {
    /// Connects on the caller's runtime.
    pub async fn connect(target: &Target) -> anyhow::Result<Self> {
        Self::start(target, Handle::current(), None).await
    }

    /// Connects on a runtime of its own, so that [`Session::abort`] can take the connection's tasks away.
    pub async fn connect_isolated(target: &Target) -> anyhow::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("session")
            .enable_all()
            .build()
            .context("no runtime for the session")?;
        let handle = runtime.handle().clone();
        Self::start(target, handle, Some(runtime)).await
    }

    async fn start(target: &Target, handle: Handle, runtime: Option<Runtime>) -> anyhow::Result<Self> {
        // Here already, for the early returns.
        let runtime = RuntimeGuard(runtime);

        // Two origins with ids of their own: the relay then announces a session's broadcasts back to it in every
        // version, which is what `publish` waits for.
        let publish = matches!(target.role, Role::Both | Role::Publish).then(|| Origin::random().produce());
        let consume = matches!(target.role, Role::Both | Role::Subscribe).then(|| Origin::random().produce());

        let config = target.config()?;
        let url = target.url.clone();
        let (serve, insert) = (publish.as_ref().map(OriginProducer::consume), consume.clone());
        let (client, inner) = handle
            .spawn(async move {
                // Here, because the endpoint registers its socket with the current runtime.
                let client = config.init()?.with_publish(serve).with_consume(insert);
                let session = client.connect(url).await?;
                anyhow::Ok((client, session))
            })
            .await??;

        let announced = consume.map(|origin| {
            let (sender, receiver) = watch::channel(Announced::new());
            handle.spawn(follow_announced(origin.consume(), sender));
            receiver
        });

        Ok(Self { inner, client, publish, announced, handle, runtime })
    }

    /// The protocol version that was negotiated.
    pub fn version(&self) -> Version {
        self.inner.version()
    }

    /// Announces `broadcast` to the relay.
    pub fn publish(&self, path: &PathOwned, broadcast: BroadcastConsumer) -> anyhow::Result<()> {
        let origin = self.publish.as_ref().context("the session's role doesn't publish")?;
        let _enter = self.handle.enter();
        if !origin.publish_broadcast(path, broadcast) {
            bail!("the path {path} can't be published");
        }
        Ok(())
    }

    /// What the relay announces; the receiver sees every change.
    pub fn announced(&self) -> anyhow::Result<watch::Receiver<Announced>> {
        self.announced.clone().context("the session's role doesn't subscribe")
    }

    /// Asks for a track of a broadcast that has just been announced.
    pub async fn subscribe_soon(&self, broadcast: &BroadcastConsumer, track: &str) -> anyhow::Result<TrackConsumer> {
        loop {
            let result = {
                let _enter = self.handle.enter();
                broadcast.subscribe_track(&Track::new(track))
            };
            match result {
                // With the IETF drafts the library announces a broadcast a moment before it serves requests for it.
                Err(Error::NotFound) => tokio::time::sleep(RETRY).await,
                result => return Ok(result?),
            }
        }
    }

    /// Runs `task` beside the connection, so that it ends with it.
    pub fn spawn<F>(&self, task: F) -> tokio::task::JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.handle.spawn(task)
    }

    /// Waits until the connection is gone and tells why.
    pub async fn closed(&self) -> Error {
        match self.inner.closed().await {
            Ok(()) => Error::Closed,
            Err(err) => err,
        }
    }

    /// Closes the connection with a close message and waits until the relay has answered it.
    pub async fn close(mut self) {
        {
            let _enter = self.handle.enter();
            self.inner.close(Error::Cancel);
        }
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, self.inner.closed()).await;
        tokio::time::sleep(FLUSH).await;
        self.stop_runtime().await;
    }

    /// Takes the connection away without a word, as a crash would.
    ///
    /// Over QUIC the relay notices by its idle timeout only; over WebSocket the kernel closes the TCP connection.
    pub async fn abort(mut self) -> anyhow::Result<()> {
        if self.runtime.0.is_none() {
            bail!("the session has no runtime of its own");
        }
        // First the tasks, and with them all that could still send; dropping the handles then only fills queues.
        self.stop_runtime().await;
        drop(self.inner);
        drop(self.client);
        Ok(())
    }

    async fn stop_runtime(&mut self) {
        if let Some(runtime) = self.runtime.0.take() {
            let stop = move || runtime.shutdown_timeout(CLOSE_TIMEOUT);
            let _ = tokio::task::spawn_blocking(stop).await;
        }
    }
}

/// Stops a runtime in the background: a plain drop panics in an async context.
struct RuntimeGuard(Option<Runtime>);

impl Drop for RuntimeGuard {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Keeps `sender` equal to what `origin` announces.
async fn follow_announced(mut origin: OriginConsumer, sender: watch::Sender<Announced>) {
    while let Some((path, broadcast)) = origin.announced().await {
        sender.send_modify(|paths| match broadcast {
            Some(broadcast) => drop(paths.insert(path, broadcast)),
            None => drop(paths.remove(&path)),
        });
    }
}
