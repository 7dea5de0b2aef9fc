//! Accepting connections, and letting them go.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;

use super::Bounds;
use super::http::Door;
use super::pulse::Pulse;

/// Serves connections until `stop` is done; then lets open ones finish, for at most `patience`.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    door: Arc<Door>,
    stop: impl Future<Output = ()>,
    patience: Duration,
) {
    let bounds = *door.bounds();
    let (stopping, stopped) = watch::channel(false);
    let room = Arc::new(Semaphore::new(bounds.connections));
    let acceptor = tls.map(TlsAcceptor::from);
    let seats = Seats::new(bounds.connections_of_one);
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener, &room) => accepted,
        };
        let Some((stream, peer, permit)) = accepted else { continue };
        // One peer must not take all of them.
        let Some(seat) = seats.take(peer.ip()) else { continue };
        let caller =
            Caller { peer: peer.ip(), door: Arc::clone(&door), room: Arc::clone(&room), stop: stopped.clone() };
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let (_permit, _seat) = (permit, seat);
            match acceptor {
                None => caller.serve(stream).await,
                Some(acceptor) => match tokio::time::timeout(bounds.handshake, acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => caller.serve(stream).await,
                    Ok(Err(error)) => caller.door.handshake_failed(peer, &error.to_string()),
                    Err(_) => caller.door.handshake_failed(peer, "no handshake within the time limit"),
                },
            }
        });
    }
    drop((listener, stopped));
    stopping.send_replace(true);
    // Whoever is still there after this has had its time.
    let _ = tokio::time::timeout(patience, stopping.closed()).await;
}

/// Connections by address.
#[derive(Debug, Clone)]
struct Seats {
    each: usize,
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Seats {
    fn new(each: usize) -> Self {
        Self { each, taken: Arc::default() }
    }

    fn take(&self, peer: IpAddr) -> Option<Seat> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(peer).or_default();
        if *count >= self.each {
            return None;
        }
        *count = count.saturating_add(1);
        Some(Seat { seats: self.clone(), peer })
    }
}

/// One connection of an address, until it is dropped.
#[derive(Debug)]
struct Seat {
    seats: Seats,
    peer: IpAddr,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.peer) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                taken.remove(&self.peer);
            }
        }
    }
}

async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    // It is never closed.
    let permit = Arc::clone(room).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            // Answers are small and awaited.
            let _ = stream.set_nodelay(true);
            Some((stream, peer, permit))
        }
        Err(_) => {
            // Out of files, or the peer is gone already: others may do better in a moment.
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

/// Somebody who has connected.
struct Caller {
    peer: IpAddr,
    door: Arc<Door>,
    /// Empty where nobody else can connect.
    room: Arc<Semaphore>,
    stop: watch::Receiver<bool>,
}

impl Caller {
    async fn serve<S>(mut self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let bounds = *self.door.bounds();
        let pulse = Arc::new(Pulse::default());
        let service = {
            let (door, pulse, peer) = (self.door, Arc::clone(&pulse), self.peer);
            service_fn(move |request| {
                let (door, beat) = (Arc::clone(&door), pulse.beat());
                async move {
                    let _beat = beat;
                    Ok::<_, std::convert::Infallible>(door.handle(peer, request).await)
                }
            })
        };
        let serving = builder(&bounds).serve_connection(TokioIo::new(stream), service).into_owned();
        tokio::pin!(serving);
        // How a connection ends is the caller's business; each request on it had its answer.
        tokio::select! {
            _ = &mut serving => return,
            _ = self.stop.wait_for(|is_stopped| *is_stopped) => {}
            () = pulse.stopped(&bounds, &self.room) => {}
        }
        serving.as_mut().graceful_shutdown();
        tokio::select! {
            _ = &mut serving => {}
            // Whoever does not take its answers, nor leave, has no place here.
            () = pulse.silence(bounds.head) => {}
        }
    }
}

fn builder(bounds: &Bounds) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(bounds.head).max_buf_size(64 << 10);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(bounds.streams)
        .keep_alive_interval(Some(bounds.ping))
        .keep_alive_timeout(bounds.pong)
        .max_header_list_size(64 << 10);
    builder
}
