//! `polychromify doctor`: what this machine and this installation have, so that a report of a fault
//! tells it.
#![expect(clippy::disallowed_methods, reason = "system files are read, no originals or results")]

use std::env::consts::{ARCH, OS};
use std::fs;
use std::process::{Command, Stdio};

use polychromify_core::{Arithmetic, Device, DeviceChoice, SelfCheck, Weights};
use serde_json::{Value, json};

use crate::cli::{Doctor, LedgerPlace};
use crate::config;
use crate::error::Result;
use crate::exit::Exit;
use crate::ledger::Ledger;
use crate::report;
use crate::settings::SOFTWARE;

/// Programs that are asked for their versions, how, and what they are for.
const PROGRAMS: [(&str, &str, &str); 5] = [
    ("ffmpeg", "-version", "films"),
    ("ffprobe", "-version", "films"),
    ("gimp", "--version", "the filter in GIMP"),
    ("gimp-2.10", "--version", "the filter in GIMP"),
    ("gimp-3.0", "--version", "the filter in GIMP"),
];

/// Runs the command.
pub(crate) fn run(arguments: &Doctor) -> Result<Exit> {
    let weights = Weights::default_weights()?;
    let device = Device::open(DeviceChoice::Auto)?;
    let cpu = Device::open(DeviceChoice::Cpu)?;
    let checks = SelfCheck::all(&weights, &cpu, Arithmetic::Integers)?;
    let is_well = checks.iter().all(|check| check.difference == 0.0);
    let facts = [
        ("software", json!(format!("{SOFTWARE}, {ARCH}-{OS}"))),
        ("processor", processor()),
        ("memory", of_file("/proc/meminfo", "MemTotal")),
        ("instructions", instructions()),
        ("self-check", json!(checks.iter().map(checked).collect::<Vec<_>>())),
        ("device", json!(device.name())),
        ("default arithmetic", json!(Arithmetic::default_for(&weights, &device).to_string())),
        ("weights", json!(all_weights())),
        ("programs", json!(PROGRAMS.map(program))),
        ("configuration", json!(configuration(&arguments.at))),
        ("ledger", ledger(&arguments.at)?),
    ];
    if arguments.json {
        let facts = facts.into_iter().map(|(name, fact)| (name.replace(['-', ' '], "_"), fact));
        report::print_json(&Value::Object(facts.collect()));
    } else {
        for (name, fact) in &facts {
            print(name, fact);
        }
    }
    if !is_well {
        log::error!(
            "this processor predicts other colors by its best instructions than by plain ones"
        );
    }
    Ok(if is_well { Exit::AllDone } else { Exit::SomeFailed })
}

fn print(name: &str, fact: &Value) {
    match fact {
        Value::Array(facts) => facts.iter().for_each(|fact| print(name, fact)),
        Value::String(text) => report::print_line(&format!("{name}: {text}")),
        other => report::print_line(&format!("{name}: {other}")),
    }
}

fn processor() -> Value {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let name = of_file("/proc/cpuinfo", "model name");
    json!(format!("{}, {cores} cores", name.as_str().unwrap_or("of an unknown name")))
}

/// Those of the processor that loops are written for.
fn instructions() -> Value {
    let flags = of_file("/proc/cpuinfo", "flags");
    let flags = flags.as_str().unwrap_or_default().split(' ');
    let known = |flag: &&str| {
        *flag == "avx2" || *flag == "fma" || flag.starts_with("avx512") || flag.starts_with("amx")
    };
    json!(flags.filter(known).collect::<Vec<_>>().join(" "))
}

/// What a file of the kernel says of a name first.
fn of_file(path: &str, name: &str) -> Value {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        (found.trim() == name).then(|| value.trim().to_owned())
    });
    line.into()
}

fn checked(check: &SelfCheck) -> String {
    let SelfCheck { loops: [floating, integers], difference } = check;
    let found = match difference {
        0.0 => "predict what they should".to_owned(),
        _ => format!("predict chroma that differs by up to {difference}"),
    };
    format!("loops {floating} (f32) and {integers} (integers) {found}")
}

fn all_weights() -> Vec<String> {
    let folder = Weights::user_folder();
    let mut told: Vec<String> = Weights::known_names(folder.as_deref())
        .iter()
        .map(|name| match Weights::find(name, folder.as_deref()) {
            Ok(weights) => format!("{name} {}, {}", weights.network(), weights.sha256()),
            Err(error) => error.to_string(),
        })
        .collect();
    told.extend(folder.map(|folder| format!("the user's own would be in {}", folder.display())));
    told
}

/// What a program says of its version.
fn program((name, option, purpose): (&str, &str, &str)) -> String {
    let mut command = Command::new(name);
    command.arg(option).stdin(Stdio::null()).stderr(Stdio::null());
    match command.output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout);
            format!("{name}: {}", said.lines().next().unwrap_or("says nothing of its version"))
        }
        Err(error) => format!("{name}: not there, for {purpose} ({error})"),
    }
}

fn configuration(at: &LedgerPlace) -> String {
    let Some(path) = config::path(at) else { return "none: this user has no home".to_owned() };
    let is_there = if path.exists() { "" } else { " (not there)" };
    format!("{}{is_there}", path.display())
}

fn ledger(at: &LedgerPlace) -> Result<Value> {
    let output = config::output(at)?;
    let output_shown = output.display();
    Ok(json!(match Ledger::read(&output) {
        Ok(None) => format!("none in {output_shown}"),
        Ok(Some(ledger)) => {
            let counts = ledger.counts()?;
            format!("{output_shown}: {} done, {} failed", counts.done, counts.failed)
        }
        Err(error) => error.to_string(),
    }))
}
