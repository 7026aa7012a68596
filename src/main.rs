//! The binary: runs the command line, and turns its result into an exit code.
//!
//! Success is 0, and so is a broken pipe, when the reader of standard output went away. Any other error
//! is printed once, with the chain of its causes, and exits with the code that `guide/promises.md` lists.

mod cli;

use std::io::{self, Write};
use std::process::ExitCode;

/// Faster than the system's allocator where many threads allocate and free buffers.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // A panic is reported below, as an error; the default hook would print it as well.
    std::panic::set_hook(Box::new(|_| {}));
    // Rayon passes panics of its threads on, so those of the work end here too: with a message and
    // exit code 70, as bugs have it.
    let run = std::panic::catch_unwind(|| cli::run(std::env::args_os().collect()));
    let error = match run {
        Ok(Ok(())) => return ExitCode::SUCCESS,
        Ok(Err(error)) => error,
        Err(panic) => anyhow::Error::new(hitherto::Error::from(hitherto::ErrorKind::Internal {
            what: hitherto::panic_text(&*panic),
        })),
    };
    if is_broken_pipe(&error) {
        return ExitCode::SUCCESS;
    }
    // `eprintln!` would panic if standard error is closed.
    drop(writeln!(io::stderr(), "hitherto: {error:#}"));
    // Errors that are not the library's come from standard output and from signal handlers: 74,
    // input or output.
    let ours = error.downcast_ref::<hitherto::Error>();
    ExitCode::from(ours.map_or(74, hitherto::Error::exit_code))
}

/// Whether the reader of our standard output went away.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    // The standard library ignores SIGPIPE, so a closed pipe is an error of the write. The context
    // around it hides its kind, so the whole chain is searched.
    let mut causes = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.any(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
