//! The demonstration: a real Envoy with the filter, a local Cognito, the reference directory, and an upstream that tells what
//! it received.

mod cases;
mod identities;

use lab::directory::Directory;
use lab::echo::Echo;
use lab::envoy::Envoy;
use lab::moto::Moto;
use lab::ports;
use lab::tools::{ensure_venv, wasm, workspace};
use std::fs;
use std::net::SocketAddr;
use std::thread;

use cases::Case;
use identities::Identities;

/// Runs the demonstration. Without `once` it then stays up until the process is ended.
///
/// # Errors
/// When something does not start, with its log; or when an answer is not the expected one.
pub fn run(once: bool) -> Result<(), String> {
    println!("building the filter (cargo wasm) ...");
    let module = wasm()?;
    println!("getting Envoy and moto (target/venv) ...");
    ensure_venv()?;
    println!("building the reference directory (crates/directory) ...");
    let directory = Directory::start("permission,ann,report.read\n")?;
    println!("starting a local Cognito, an upstream and Envoy ...");
    let moto = Moto::reproducible(ports::preferred(5000)?)?;
    let identities = Identities::create(&moto)?;
    let echo = Echo::start()?;
    let (listener, admin) = (ports::preferred(10_000)?, ports::preferred(9901)?);
    let addrs = [listener, admin, echo.addr(), moto.addr(), directory.addr()];
    let text = configuration(&module, addrs)?;
    let envoy = Envoy::from_text(&text, vec![listener], admin, 2)?;
    println!("Envoy listens on http://{listener}\n");

    let failed = show(&envoy, &echo, &cases::all(&identities))?;
    if failed > 0 {
        return Err(format!("{failed} answers are not the expected ones"));
    }
    if once {
        return Ok(());
    }
    println!("\n{}", identities.exports());
    println!("curl -i http://{listener}/api/orders");
    println!("curl -i http://{listener}/api/orders -H \"authorization: Bearer $USER_TOKEN\"");
    println!("curl -i http://{listener}/admin -H \"authorization: Bearer $ADMIN_TOKEN\"");
    println!("curl -i http://{listener}/reports -H \"authorization: Bearer $USER_TOKEN\"");
    println!("curl -i http://{listener}/public -H 'x-auth-user-id: admin'");
    println!("curl -s http://{admin}/stats?filter=auth_filter");
    println!("\nEverything stays up until Ctrl-C.");
    loop {
        thread::park();
    }
}

/// The example's Envoy configuration with this machine's addresses.
fn configuration(
    module: &std::path::Path,
    [listener, admin, upstream, issuer, directory]: [SocketAddr; 5],
) -> Result<String, String> {
    let path = workspace().join("envoy-example/envoy.yaml");
    let mut text =
        fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let address = |host: &str, port: u16| {
        format!("socket_address: {{ address: {host}, port_value: {port} }}")
    };
    let own = |addr: SocketAddr| address(&addr.ip().to_string(), addr.port());
    let replacements = [
        (address("0.0.0.0", 10_000), own(listener)),
        (address("127.0.0.1", 9901), own(admin)),
        (address("upstream", 8080), own(upstream)),
        (address("cognito", 5000), own(issuer)),
        (address("directory", 8181), own(directory)),
        (
            "filename: /etc/envoy/auth_filter.wasm".to_owned(),
            format!("filename: {:?}", module.display().to_string()),
        ),
    ];
    for (from, to) in replacements {
        if text.matches(&from).count() != 1 {
            return Err(format!("{}: `{from}` is not there once", path.display()));
        }
        text = text.replace(&from, &to);
    }
    Ok(text)
}

/// Sends each request and prints what came; the number of answers that are not the expected ones.
fn show(envoy: &Envoy, echo: &Echo, cases: &[Case]) -> Result<usize, String> {
    let width = cases.iter().map(|case| case.name.len()).max().unwrap_or(0);
    let mut failed = 0;
    for case in cases {
        echo.clear();
        let answer = case.request.send(envoy.addr())?;
        let wrong = case.judge(&answer, echo.last().as_ref());
        println!(
            "{:width$}  {}  {}",
            case.name,
            answer.status,
            cases::summary(&answer, echo.last().as_ref())
        );
        for wrong in &wrong {
            println!("{:width$}  WRONG: {wrong}", "");
        }
        failed += usize::from(!wrong.is_empty());
    }
    Ok(failed)
}
