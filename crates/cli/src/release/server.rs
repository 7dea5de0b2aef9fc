//! The server of releases, as one worker asks it: small files whole, large ones as a stream that is resumed.

use std::time::{Duration, Instant};

use sigward_fetch::{Budget, Client, DriveError, Error, RetryPolicy, Runner, drive};
use sigward_verify::evidence::{Inquiry, Unreachable};
use sigward_verify::{Artifact, ArtifactNeeds, ArtifactReader};

use super::fault::Fault;
use super::folder::Partial;
use super::spdx::{Keep, SpdxDocument, SpdxFault, SpdxReader};
use crate::failure::Failure;
use crate::network::Network;

/// Largest file of a release. Kubernetes' largest, with tests for all platforms, have some gigabytes.
const FILE_LIMIT: u64 = 16 * 1024 * 1024 * 1024;
/// Largest SBOM. Kubernetes' have some megabytes; one of gigabytes would be read for nothing.
const SBOM_LIMIT: u64 = 256 * 1024 * 1024;
/// A server that sends less than this a second, beyond the time limit for a request, is given up.
const LEAST_RATE: u64 = 16 * 1024;

/// A way to the server: a runtime and a client of its own, so that workers do not wait for each other.
pub struct Server<'a> {
    runner: Runner,
    client: Client,
    retry: RetryPolicy,
    base: &'a str,
    network: &'a Network,
}

impl std::fmt::Debug for Server<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("base", &self.base).finish_non_exhaustive()
    }
}

/// The bytes of a file as they come by.
#[derive(Debug)]
pub struct Intake {
    needs: ArtifactNeeds,
    keep: Option<Keep>,
    reader: ArtifactReader,
    spdx: Option<SpdxReader>,
    seen: u64,
}

/// A file that was read to its end.
#[derive(Debug)]
pub struct Taken {
    /// Its digests.
    pub artifact: Artifact,
    /// What it says, if it is an SBOM.
    pub spdx: Option<Result<SpdxDocument, SpdxFault>>,
}

impl Intake {
    /// Takes what `needs` names, and reads an SBOM if `keep` says so.
    pub fn new(needs: ArtifactNeeds, keep: Option<Keep>) -> Self {
        Self { reader: ArtifactReader::new(&needs), spdx: keep.map(SpdxReader::new), needs, keep, seen: 0 }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// If the message must be held in memory and is too large.
    pub fn take(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.reader.update(bytes)?;
        if let Some(spdx) = &mut self.spdx {
            spdx.push(bytes);
        }
        self.seen += u64::try_from(bytes.len()).unwrap_or_default();
        Ok(())
    }

    /// Most bytes that are taken from a server.
    fn limit(&self) -> u64 {
        if self.keep.is_some() { SBOM_LIMIT } else { FILE_LIMIT }
    }

    fn restart(&mut self) {
        *self = Self::new(self.needs.clone(), self.keep);
    }

    /// The end of the file.
    pub fn finish(self) -> Taken {
        Taken { artifact: self.reader.finish(), spdx: self.spdx.map(SpdxReader::finish) }
    }
}

/// Told of bytes: how many there will be, if that is known, and how many there are.
pub type Progress<'p> = dyn Fn(Option<u64>, u64) + 'p;

impl<'a> Server<'a> {
    /// A way to the server at `base`; nothing is asked yet.
    ///
    /// # Errors
    /// [`Fault::Other`] if there can be no network.
    pub fn new(base: &'a str, retry: RetryPolicy, network: &'a Network) -> Result<Self, Fault> {
        let runner = Runner::new().map_err(|error| failed(base, &error))?;
        Ok(Self { runner, client: network.client_with(retry), retry, base, network })
    }

    /// The URL of a path below the server's root.
    pub fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.base)
    }

    /// Performs what an inquiry needs.
    ///
    /// # Errors
    /// As [`drive`].
    pub fn drive<I: Inquiry>(&self, inquiry: &mut I) -> Result<I::Out, DriveError<I::Error>> {
        self.runner.run(drive(inquiry, &self.client, self.network.deadline(), Budget::default()))
    }

    /// A small file; nothing if the server has none.
    ///
    /// # Errors
    /// [`Fault::Other`].
    pub fn small(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, Fault> {
        let url = self.url(path);
        self.network.log("GET", &url);
        let got = self.runner.run(self.client.get(&url, limit, self.network.deadline()));
        found(&url, got.map(|response| response.body))
    }

    /// Some small files side by side.
    ///
    /// # Errors
    /// The first [`Fault`] of any.
    pub fn smalls<const N: usize>(&self, files: [(String, usize); N]) -> Result<[Option<Vec<u8>>; N], Fault> {
        let deadline = self.network.deadline();
        let asked = files.iter().map(|(path, limit)| {
            let (client, url, limit) = (self.client.clone(), self.url(path), *limit);
            self.network.log("GET", &url);
            async move {
                let got = client.get(&url, limit, deadline).await;
                (url, got.map(|response| response.body))
            }
        });
        let got = self.runner.run(all(asked.collect()));
        let mut out = [const { None }; N];
        for (to, answer) in out.iter_mut().zip(got) {
            let Some((url, got)) = answer else { return Err(lost(self.base)) };
            *to = found(&url, got)?;
        }
        Ok(out)
    }

    /// Whether the server has a file, of which nothing is read.
    ///
    /// # Errors
    /// [`Fault::Other`].
    pub fn has(&self, path: &str) -> Result<bool, Fault> {
        let url = self.url(path);
        self.network.log("GET", &url);
        let got = self.runner.run(self.client.get_stream(&url, FILE_LIMIT, self.network.deadline())).map(drop);
        found(&url, got).map(|found| found.is_some())
    }

    /// Reads a file to its end, from where `intake` is, and into `partial` if there is one. A connection that breaks is
    /// made again, and only what is missing is asked for.
    ///
    /// # Errors
    /// [`Fault::Missing`], [`Fault::Other`].
    pub fn stream(
        &self,
        path: &str,
        intake: &mut Intake,
        partial: Option<&mut Partial>,
        progress: &Progress<'_>,
    ) -> Result<(), Fault> {
        let url = self.url(path);
        self.network.log("GET", &url);
        self.runner.run(self.stream_url(&url, intake, partial, progress))
    }

    async fn stream_url(
        &self,
        url: &str,
        intake: &mut Intake,
        mut partial: Option<&mut Partial>,
        progress: &Progress<'_>,
    ) -> Result<(), Fault> {
        let began = Instant::now();
        let mut attempt = 1;
        loop {
            let before = intake.seen;
            let broken = match self.stream_once(url, intake, &mut partial, progress, began).await {
                Ok(()) => return Ok(()),
                Err(Broken::ForGood(fault)) => return Err(fault),
                Err(Broken::Connection(error)) => error,
            };
            // What came counts: a server that sends a part each time will have sent all of it.
            if intake.seen > before + LEAST_RATE {
                attempt = 1;
            }
            let Some(pause) = self.retry.pause(attempt, None) else { return Err(failed(url, &broken)) };
            attempt += 1;
            tokio::time::sleep(pause).await;
        }
    }

    async fn stream_once(
        &self,
        url: &str,
        intake: &mut Intake,
        partial: &mut Option<&mut Partial>,
        progress: &Progress<'_>,
        began: Instant,
    ) -> Result<(), Broken> {
        // How long a file may take, its size decides; each silence is limited by the client.
        let deadline = Instant::now() + Duration::from_secs(24 * 3600);
        let mut body = match self.client.get_stream_from(url, intake.seen, intake.limit(), deadline).await {
            Ok(body) => body,
            Err(Error::Status { status: 404 | 410, .. }) => {
                return Err(Broken::ForGood(Fault::Missing { url: url.to_owned() }));
            }
            Err(error) if intake.seen > 0 && is_about_range(&error) => {
                start_over(intake, partial)?;
                return Err(Broken::Connection(error));
            }
            // The client has repeated it already.
            Err(error) => return Err(Broken::ForGood(failed(url, &error))),
        };
        if body.start != intake.seen {
            start_over(intake, partial)?;
        }
        let whole = body.length.map(|rest| rest.saturating_add(body.start));
        progress(whole, intake.seen);
        loop {
            let piece = match body.chunk().await {
                Ok(Some(piece)) => piece,
                Ok(None) => return Ok(()),
                Err(error @ Error::Unreachable(Unreachable::TooLarge { .. })) => {
                    return Err(Broken::ForGood(failed(url, &error)));
                }
                Err(error) => return Err(Broken::Connection(error)),
            };
            intake.take(&piece)?;
            if let Some(partial) = partial {
                partial.append(&piece)?;
            }
            progress(whole, intake.seen);
            let patience = self.network.timeout() + Duration::from_secs(intake.seen / LEAST_RATE);
            if began.elapsed() > patience {
                let late = Error::Unreachable(Unreachable::TimedOut { url: url.to_owned() });
                return Err(Broken::ForGood(failed(url, &late)));
            }
        }
    }
}

/// Why a stream ended early.
enum Broken {
    Connection(Error),
    ForGood(Fault),
}

impl From<Fault> for Broken {
    fn from(fault: Fault) -> Self {
        Self::ForGood(fault)
    }
}

fn start_over(intake: &mut Intake, partial: &mut Option<&mut Partial>) -> Result<(), Fault> {
    intake.restart();
    match partial {
        Some(partial) => partial.restart(),
        None => Ok(()),
    }
}

/// Whether a server could not give the rest of a file: it has fewer bytes than we, or cannot count.
fn is_about_range(error: &Error) -> bool {
    matches!(error, Error::Status { status: 416, .. } | Error::Unreachable(Unreachable::Refused { .. }))
}

/// All of these side by side, in order; `None` for one that did not end.
async fn all<T: Send + 'static>(asked: Vec<impl Future<Output = T> + Send + 'static>) -> Vec<Option<T>> {
    let mut under_way = Vec::with_capacity(asked.len());
    for one in asked {
        under_way.push(tokio::spawn(one));
    }
    let mut out = Vec::with_capacity(under_way.len());
    for one in under_way {
        out.push(one.await.ok());
    }
    out
}

fn found<T>(url: &str, got: Result<T, Error>) -> Result<Option<T>, Fault> {
    match got {
        Ok(got) => Ok(Some(got)),
        Err(Error::Status { status: 404 | 410, .. }) => Ok(None),
        Err(error) => Err(failed(url, &error)),
    }
}

fn failed(url: &str, error: &Error) -> Fault {
    let text = error.to_string();
    // The client's errors begin with the URL.
    let reason = text.strip_prefix(url).map_or(text.as_str(), |rest| rest.trim_start_matches(": "));
    Failure::Network { what: url.to_owned(), reason: reason.to_owned() }.into()
}

fn lost(base: &str) -> Fault {
    Failure::Network { what: base.to_owned(), reason: "no answer".into() }.into()
}
