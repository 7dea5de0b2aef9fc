//! What a Service is: one address, several replicas behind it, those that take no connection are left out.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Dropping it closes the address.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    backends: Arc<Mutex<Vec<u16>>>,
    stop: Arc<AtomicBool>,
}

impl Proxy {
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (backends, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (shared, stopped) = (Arc::clone(&backends), Arc::clone(&stop));
        std::thread::spawn(move || {
            let next = AtomicUsize::new(0);
            for client in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(client) = client else { continue };
                let ports: Vec<u16> = shared.lock().unwrap().clone();
                let first = next.fetch_add(1, Ordering::SeqCst);
                let mut tried = (0..ports.len()).map(|at| ports[(first + at) % ports.len()]);
                let server = tried.find_map(|port| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok());
                if let Some(server) = server {
                    join(client, server);
                }
            }
        });
        Self { port, backends, stop }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on connections go to these.
    pub fn set(&self, ports: Vec<u16>) {
        *self.backends.lock().unwrap() = ports;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the thread up.
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
    }
}

fn join(client: TcpStream, server: TcpStream) {
    let (client_again, server_again) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    std::thread::spawn(move || copy(client, server));
    std::thread::spawn(move || copy(server_again, client_again));
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(count) = from.read(&mut buffer) {
        if count == 0 || to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    drop(to.shutdown(Shutdown::Both));
    drop(from.shutdown(Shutdown::Both));
}
