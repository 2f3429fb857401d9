//! Those who are compared with: processes of their own that answer questions with times.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use candle_core::{Error, Result};
use rustix::time::{ClockId, clock_gettime};

/// What something took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Time {
    /// Seconds by the clock.
    pub(crate) seconds: f64,
    /// Seconds of the processor, of all cores together; 0 where they are not told.
    pub(crate) busy: f64,
}

/// What `work` takes.
pub(crate) fn timed<T>(work: impl FnOnce() -> Result<T>) -> Result<Time> {
    let (start, before) = (Instant::now(), processor_seconds());
    work()?;
    Ok(Time { seconds: start.elapsed().as_secs_f64(), busy: processor_seconds() - before })
}

/// What this process has taken of the processor so far, in seconds, all threads together.
pub(crate) fn processor_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// A process that answers each line with numbers.
struct Peer {
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    fn start(command: &mut Command) -> Result<Self> {
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let questions = process.stdin.take().expect("piped");
        let answers = BufReader::new(process.stdout.take().expect("piped"));
        Ok(Self { process, questions, answers })
    }

    fn ask(&mut self, question: &str) -> Result<Vec<f64>> {
        writeln!(self.questions, "{question}")?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        answer.split_whitespace().map(|number| number.parse().map_err(Error::wrap)).collect()
    }

    fn time(&mut self, question: &str) -> Result<Time> {
        match self.ask(question)?.as_slice() {
            [seconds, rest @ ..] => {
                Ok(Time { seconds: *seconds, busy: rest.first().copied().unwrap_or(0.) })
            }
            [] => Err(Error::Msg(format!("no answer to `{question}`"))),
        }
    }

    fn stop(mut self) -> Result<()> {
        drop(self.questions);
        self.process.wait()?;
        Ok(())
    }
}

/// The processes that are there.
pub(crate) struct Peers {
    python: Option<RefCell<Peer>>,
    stock: Option<RefCell<Peer>>,
}

impl Peers {
    /// Starts those that the command line asks for.
    pub(crate) fn start(arguments: &[String]) -> Result<Self> {
        let given = |flag: &str| arguments.iter().position(|argument| argument == flag);
        let python = match given("--peers").map(|at| &arguments[at + 1..]) {
            Some([python, script, ..]) => Some(Peer::start(Command::new(python).arg(script))?),
            _ => None,
        };
        let stock = match given("--stock") {
            Some(_) => {
                let program = std::env::current_exe()?.with_file_name("stock");
                Some(Peer::start(&mut Command::new(program))?)
            }
            None => None,
        };
        Ok(Self { python: python.map(RefCell::new), stock: stock.map(RefCell::new) })
    }

    /// A turn of `scripts/peers.py`.
    pub(crate) fn python(&self, question: String) -> Option<Turn<'_>> {
        turn(self.python.as_ref(), question)
    }

    /// A turn of plain candle.
    pub(crate) fn stock(&self, question: String) -> Option<Turn<'_>> {
        turn(self.stock.as_ref(), question)
    }

    /// Floating-point operations of a network's forward pass over one picture, two for each product
    /// of its convolutions.
    pub(crate) fn operations(&self, network: &str, side: usize) -> Result<Option<f64>> {
        let Some(python) = &self.python else { return Ok(None) };
        let answer = python.borrow_mut().ask(&format!("operations {network} {side}"))?;
        Ok(answer.first().copied())
    }

    pub(crate) fn stop(self) -> Result<()> {
        let both = [self.python, self.stock].into_iter().flatten();
        both.map(RefCell::into_inner).try_for_each(Peer::stop)
    }
}

fn turn(peer: Option<&RefCell<Peer>>, question: String) -> Option<Turn<'_>> {
    let peer = peer?;
    Some(Box::new(move || peer.borrow_mut().time(&question)))
}

/// One who takes turns.
pub(crate) type Turn<'a> = Box<dyn FnMut() -> Result<Time> + 'a>;

/// The median turn of each, by turns, so that what else the machine does slows down all; the first
/// turn of each does not count. Where turns are short, the first of two does not count either.
pub(crate) fn by_turns(
    rounds: usize,
    short: bool,
    mut turns: Vec<Option<Turn<'_>>>,
) -> Result<Vec<Option<Time>>> {
    let mut times = vec![Vec::new(); turns.len()];
    for round in 0..=rounds {
        for (turn, times) in turns.iter_mut().zip(&mut times) {
            let Some(turn) = turn else { continue };
            // Threads of the one before wait busily for a while.
            std::thread::sleep(Duration::from_millis(100));
            if short {
                // The system spreads threads that rested over the cores only then.
                turn()?;
            }
            let time = turn()?;
            if round > 0 {
                times.push(time);
            }
        }
    }
    let median = |mut times: Vec<Time>| {
        times.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
        times.get(times.len() / 2).copied()
    };
    Ok(times.into_iter().map(median).collect())
}
