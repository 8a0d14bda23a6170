//! The `tantieme` program. What it does is in the library; see `tantieme --help`.

fn main() -> std::process::ExitCode {
    tantieme::cli::main()
}
