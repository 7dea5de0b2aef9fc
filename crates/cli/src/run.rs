//! From a command line to an exit code: parse, dispatch, write.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use crate::args::env::Environment;
use crate::args::request::OutputFormat;
use crate::args::{self, Command, Globals, Parsed};
use crate::commands::{self, Streams};
use crate::engine::write_atomically;
use crate::exit::Exit;
use crate::failure::{Failure, go_text};
use crate::network::Network;

/// Runs a command line in this process's environment.
pub fn run(argv: &[OsString]) -> Exit {
    let lookup = |name: &str| std::env::var_os(name);
    let mut err = io::stderr();
    let parsed = match args::parse(argv, &lookup) {
        Ok(parsed) => parsed,
        Err(error) => {
            let _ = err.write_all(error.render().as_bytes());
            return Exit::Failure;
        }
    };
    let mut stdout = io::stdout();
    let mut file = match &parsed.globals.output_file {
        None => None,
        Some(path) => match File::create(path) {
            Ok(file) => Some(file),
            Err(error) => {
                let reason = go_text(&error);
                let failure = Failure::Write { path: path.display().to_string(), reason };
                return Streams { out: &mut stdout, err: &mut err }.fail(&failure);
            }
        },
    };
    let out: &mut dyn Write = match &mut file {
        Some(file) => file,
        None => &mut stdout,
    };
    dispatch(parsed, Environment::read(&lookup), &mut Streams { out, err: &mut err })
}

fn dispatch(parsed: Parsed, environment: Environment, streams: &mut Streams<'_>) -> Exit {
    let Parsed { notices, program, globals, command } = parsed;
    for notice in &notices {
        streams.say(notice);
    }
    match command {
        Command::Help(text) => print(streams, text.trim_end()),
        Command::Version(format) => version(streams, program, format),
        Command::Completion(shell) => {
            let script = args::completion(program, shell);
            print(streams, String::from_utf8_lossy(&script).trim_end())
        }
        Command::Man(folder) => man(streams, program, folder.as_deref()),
        Command::Trust(command) => {
            let network = network(&globals, environment);
            commands::trust::run(&command, &network, streams)
        }
        Command::DownloadAttestation(request) => {
            let network = network(&globals, environment);
            commands::attached::attestations(&request, &network, streams)
        }
        Command::DownloadSignature(request) => {
            let network = network(&globals, environment);
            commands::attached::signatures(&request, &network, streams)
        }
        Command::Manifest(request) => {
            let network = network(&globals, environment);
            commands::manifest::run(&request, &network, streams)
        }
        Command::PolicyEval(request) => commands::policy::run(&request, streams),
        Command::PolicyLint(request) => commands::policy_lint::run(&request, streams),
        Command::Release(command) => {
            let network = network(&globals, environment);
            commands::release::run(&command, &network, streams)
        }
        Command::Tree(request) => {
            let network = network(&globals, environment);
            commands::attached::tree(&request, &network, streams)
        }
        Command::Triangulate(request) => {
            let network = network(&globals, environment);
            commands::attached::triangulate(&request, &network, streams)
        }
        Command::VerifyImages(request) => {
            let network = network(&globals, environment);
            commands::verify_images::run(&request, &network, streams)
        }
        Command::VerifyBlob(request) => {
            let network = network(&globals, environment);
            commands::verify_blob::run(&request, &network, streams)
        }
        Command::VerifyBlobAttestation(request) => {
            let network = network(&globals, environment);
            commands::attestation::run(&request, &network, streams)
        }
    }
}

fn network(globals: &Globals, environment: Environment) -> Network {
    Network::new(environment, globals.timeout, globals.verbosity)
}

/// Prints text that was asked for. A reader who has seen enough (a closed pipe) is no failure here.
fn print(streams: &mut Streams<'_>, text: &str) -> Exit {
    match writeln!(streams.out, "{text}").and_then(|()| streams.out.flush()) {
        Ok(()) => Exit::Success,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Success,
        Err(error) => streams.fail(&Failure::Write { path: "standard output".into(), reason: go_text(&error) }),
    }
}

fn version(streams: &mut Streams<'_>, program: &str, format: OutputFormat) -> Exit {
    let version = env!("CARGO_PKG_VERSION");
    match format {
        // The name that it was called by does not hide what it is.
        OutputFormat::Text if program == "cosign" => print(streams, &format!("sigward {version} (called as cosign)")),
        OutputFormat::Text => print(streams, &format!("sigward {version}")),
        OutputFormat::Json => {
            let json = serde_json::json!({ "program": "sigward", "gitVersion": format!("v{version}") });
            print(streams, &json.to_string())
        }
    }
}

fn man(streams: &mut Streams<'_>, program: &str, folder: Option<&Path>) -> Exit {
    let failed = |streams: &mut Streams<'_>, error: &io::Error| {
        streams.fail(&Failure::Write { path: "manual page".into(), reason: go_text(error) })
    };
    let Some(folder) = folder else {
        return match args::manual(program) {
            Ok(page) => print(streams, String::from_utf8_lossy(&page).trim_end()),
            Err(error) => failed(streams, &error),
        };
    };
    let pages = match args::manuals(program) {
        Ok(pages) => pages,
        Err(error) => return failed(streams, &error),
    };
    for (name, page) in pages {
        if let Err(failure) = write_atomically(&folder.join(name), &page) {
            return streams.fail(&failure);
        }
    }
    Exit::Success
}
