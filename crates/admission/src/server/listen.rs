//! Accepting connections, and letting them go.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use super::http::Door;
use crate::limits;

/// Serves connections until `stop` is done; then lets open ones finish, for at most `patience`.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    door: Arc<Door>,
    stop: impl Future<Output = ()>,
    patience: Duration,
) {
    let graceful = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(limits::CONNECTIONS));
    let acceptor = tls.map(TlsAcceptor::from);
    let seats = Seats::default();
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener, &room) => accepted,
        };
        let Some((stream, peer, permit)) = accepted else { continue };
        // One peer must not take all of them.
        let Some(seat) = seats.take(peer.ip()) else { continue };
        let (door, acceptor, watcher) = (Arc::clone(&door), acceptor.clone(), graceful.watcher());
        tokio::spawn(async move {
            let (_permit, _seat) = (permit, seat);
            match acceptor {
                None => connection(stream, door, watcher).await,
                Some(acceptor) => match tokio::time::timeout(limits::HANDSHAKE, acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => connection(stream, door, watcher).await,
                    Ok(Err(error)) => door.handshake_failed(peer, &error.to_string()),
                    Err(_) => door.handshake_failed(peer, "no handshake within the time limit"),
                },
            }
        });
    }
    drop(listener);
    // Whoever is still there after this has had its time.
    let _ = tokio::time::timeout(patience, graceful.shutdown()).await;
}

/// Connections by address.
#[derive(Debug, Clone, Default)]
struct Seats {
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Seats {
    fn take(&self, peer: IpAddr) -> Option<Seat> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(peer).or_default();
        if *count >= limits::CONNECTIONS_OF_ONE {
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

async fn connection<S>(stream: S, door: Arc<Door>, watcher: hyper_util::server::graceful::Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits::HEAD).max_buf_size(64 << 10);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits::STREAMS)
        .keep_alive_interval(Some(Duration::from_secs(30)))
        .keep_alive_timeout(Duration::from_secs(20))
        .max_header_list_size(64 << 10);
    let service = service_fn(move |request| {
        let door = Arc::clone(&door);
        async move { Ok::<_, std::convert::Infallible>(door.handle(request).await) }
    });
    let serving = builder.serve_connection(TokioIo::new(stream), service).into_owned();
    // How a connection ends is the caller's business; each request on it had its answer.
    let _ = watcher.watch(serving).await;
}
