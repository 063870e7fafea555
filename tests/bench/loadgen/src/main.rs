//! A load generator for echo servers that speak WHIP or WebSocket v2. See `options::HELP`.

use std::process::ExitCode;

mod admission;
mod caller;
mod clock;
mod dtls;
mod endings;
mod fleet;
mod framing;
mod hex;
mod histogram;
mod hmac;
mod http;
mod network;
mod options;
mod own_use;
mod pacing;
mod phase;
mod process;
mod readiness;
mod reception;
mod reflector;
mod report;
mod rounds;
mod rtp;
mod sdp;
mod session;
mod signalling;
mod socket;
mod srtp;
mod stream;
mod stun;
mod switchboard;
mod tally;
mod voice;
mod wire;

use fleet::Fleet;
use options::{Command, Options, Target};
use phase::Phase;
use rounds::Rounds;
use switchboard::Switchboard;

fn main() -> ExitCode {
    let outcome = match options::parse(std::env::args_os().skip(1)) {
        Ok(Command::Help) => {
            print!("{}", options::HELP);
            Ok(())
        }
        Ok(Command::Reflect { pin }) => reflect(pin),
        Ok(Command::Load(options)) => load(*options),
        Err(error) => Err(error.to_string()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("voicemedia-loadgen: {sentence}");
            ExitCode::FAILURE
        }
    }
}

fn load(options: Options) -> Result<(), String> {
    prepare(options.pin)?;
    let is_json = options.is_json;
    let token = std::env::var("WHIP_TOKEN").ok();
    let watch = |phase: Phase| eprintln!("phase: {}", phase.name());
    let document = if let Target::WebSocket(url, dialect) = options.target.clone() {
        let mut switchboard = Switchboard::new(options, url, dialect, token)?;
        switchboard.run(watch);
        report::document(&switchboard.tally, &switchboard.set_ups, &switchboard.own_use)
    } else {
        let mut fleet = Fleet::new(options, token)?;
        fleet.run(watch);
        report::document(&fleet.tally, &fleet.set_ups, &fleet.own_use)
    };
    if is_json {
        println!("{document}");
    } else {
        print!("{}", report::summary(&document));
    }
    Ok(())
}

fn reflect(pin: Option<usize>) -> Result<(), String> {
    prepare(pin)?;
    let failed = |error: std::io::Error| format!("cannot reflect: {error}");
    let socket = socket::Socket::open().map_err(failed)?;
    println!("127.0.0.1:{}", socket.local_port().map_err(failed)?);
    reflector::run(&socket)
}

fn prepare(pin: Option<usize>) -> Result<(), String> {
    process::raise_descriptor_limit();
    process::use_exact_timers();
    match pin {
        Some(cpu) => process::pin(cpu).map_err(|error| format!("cannot run on CPU {cpu}: {error}")),
        None => Ok(()),
    }
}
