//! The upstreams: real servers and frameworks, each with the same resources.

use crate::debian;
use crate::npm;
use crate::ports;
use crate::process::Guard;
use crate::tools::{ensure_venv, lab_dir, node, workspace};
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

/// What the upstreams are called.
pub const NAMES: [&str; 13] = [
    "node",
    "express",
    "express-strict",
    "express-override",
    "flask",
    "flask-gunicorn",
    "django",
    "nginx",
    "nginx-hop",
    "apache",
    "lighttpd",
    "php-front",
    "php-query",
];

/// The running upstreams; they end when dropped.
pub struct Servers {
    /// In the order of [`NAMES`].
    pub addrs: Vec<SocketAddr>,
    _running: Vec<Guard>,
}

impl Servers {
    /// Installs what is missing, and starts all.
    ///
    /// # Errors
    /// When something cannot be had or does not serve.
    pub fn start() -> Result<Self, String> {
        let addrs = NAMES
            .iter()
            .map(|_| ports::free())
            .collect::<Result<Vec<_>, _>>()?;
        let port = |name: &str| {
            let at = NAMES.iter().position(|own| *own == name);
            addrs[at.unwrap_or_default()].port().to_string()
        };
        let folder = lab_dir("upstreams")?;
        let log = |name: &str| folder.join(format!("{name}.log"));
        let mut running = Vec::new();
        let mut start = |name: &str, command: &Command| {
            running.push(Guard::start(name, command, &log(name))?);
            Ok::<_, String>(())
        };

        let packages = npm::installed("upstreams")?;
        let mut servers = node()?.node();
        servers
            .arg(packages.join("servers.mjs"))
            .args(["node", "express", "express-strict", "express-override"].map(port));
        start("node", &servers)?;

        let venv = ensure_venv()?;
        let mut flask = Command::new(venv.bin("python"));
        flask.arg(packages.join("wsgi.py")).arg(port("flask"));
        start("flask", &flask)?;
        for (name, application) in [("flask-gunicorn", "flask_app"), ("django", "django_app")] {
            let mut gunicorn = Command::new(venv.bin("gunicorn"));
            gunicorn
                .arg("--chdir")
                .arg(&packages)
                .args(["--bind", &format!("127.0.0.1:{}", port(name))])
                .args([
                    "--worker-class",
                    "gthread",
                    "--threads",
                    "8",
                    "--keep-alive",
                    "60",
                ])
                .args(["--log-level", "critical"])
                .arg(format!("wsgi:{application}"));
            start(name, &gunicorn)?;
        }

        let fill = |file: &str, ports: &[(&str, String)]| fill(file, &folder, ports);
        let program = folder.join("app.pl");
        fs::copy(packages.join("app.pl"), &program)
            .and_then(|_| fs::set_permissions(&program, fs::Permissions::from_mode(0o755)))
            .map_err(|error| format!("app.pl: {error}"))?;
        let php = ports::free()?;
        fs::copy(packages.join("index.php"), folder.join("index.php"))
            .map_err(|error| format!("index.php: {error}"))?;
        let mut interpreter = Command::new(debian::program("php-cgi")?);
        // One process without children, which ends with its parent and with nobody's five hundredth request.
        interpreter
            .env("PHP_FCGI_MAX_REQUESTS", "0")
            .args(["-n", "-b", &php.to_string()]);
        start("php", &interpreter)?;
        fill("php.conf", &[("{php}", php.port().to_string())])?;
        fill(
            "nginx.conf",
            &[
                ("{nginx}", port("nginx")),
                ("{hop}", port("nginx-hop")),
                ("{next}", port("express-override")),
                ("{php-front}", port("php-front")),
                ("{php-query}", port("php-query")),
            ],
        )?;
        let mut nginx = Command::new(debian::program_of("nginx-light", "nginx")?);
        nginx
            .arg("-p")
            .arg(&folder)
            .arg("-c")
            .arg(folder.join("nginx.conf"));
        start("nginx", &nginx)?;

        fill("apache.conf", &[("{apache}", port("apache"))])?;
        let mut apache = Command::new(debian::program("apache2")?);
        // One process with many threads, which ends with its parent.
        apache
            .arg("-X")
            .arg("-d")
            .arg(&folder)
            .arg("-f")
            .arg(folder.join("apache.conf"));
        start("apache", &apache)?;

        fill("lighttpd.conf", &[("{lighttpd}", port("lighttpd"))])?;
        let mut lighttpd = Command::new(debian::program("lighttpd")?);
        lighttpd
            .arg("-D")
            .arg("-f")
            .arg(folder.join("lighttpd.conf"));
        start("lighttpd", &lighttpd)?;

        // One of what each program serves, in the order in which they were started; PHP is served by nginx.
        let hosts = [
            "node",
            "flask",
            "flask-gunicorn",
            "django",
            "php-front",
            "nginx",
            "apache",
            "lighttpd",
        ];
        for (guard, name) in running.iter().zip(hosts) {
            let at = NAMES.iter().position(|own| *own == name);
            guard.wait_until_served(addrs[at.unwrap_or_default()], "/public")?;
        }
        Ok(Self {
            addrs,
            _running: running,
        })
    }
}

/// Writes a configuration with the folder and ports of this run.
fn fill(file: &str, folder: &Path, ports: &[(&str, String)]) -> Result<(), String> {
    let source = workspace().join("crates/lab/upstreams").join(file);
    let io = |error| format!("{}: {error}", source.display());
    let mut text = fs::read_to_string(&source).map_err(io)?;
    text = text.replace("{folder}", &folder.display().to_string());
    for (name, port) in ports {
        text = text.replace(name, port);
    }
    fs::write(folder.join(file), text).map_err(io)
}
