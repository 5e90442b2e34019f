//! The program `cowl-server`.

fn main() -> std::process::ExitCode {
    cowl_server::program::main()
}
