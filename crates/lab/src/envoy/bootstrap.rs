//! Envoy's bootstrap as JSON, built from what an experiment varies.

use super::wall_clock::WallClock;
use super::{Envoy, resources, write};
use crate::ports;
use crate::tools::lab_dir;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

const DEFAULT_ACCESS_LOG: &str =
    "%REQ(:METHOD)% %REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n";

/// The filter's configuration and the wrapping in which Envoy delivers it.
#[derive(Clone, Debug)]
pub struct Filter(Value);

impl Filter {
    /// JSON as text in a `google.protobuf.StringValue`.
    pub fn json(configuration: Value) -> Self {
        Self::text(&configuration.to_string())
    }

    /// Any text in a `google.protobuf.StringValue`, JSON or not.
    pub fn text(configuration: &str) -> Self {
        Self(json!({
            "@type": "type.googleapis.com/google.protobuf.StringValue",
            "value": configuration,
        }))
    }

    /// A `google.protobuf.Struct`, as an operator writes it in YAML.
    pub fn structure(configuration: Value) -> Self {
        Self(json!({
            "@type": "type.googleapis.com/google.protobuf.Struct",
            "value": configuration,
        }))
    }
}

type Edit = Box<dyn FnOnce(&mut Value) + Send + Sync>;
type EditPlugin = Box<dyn Fn(usize, &mut Value) + Send + Sync>;

/// What is to be started. Paths reach the filter as the client sent them: Envoy's own
/// normalisation is off unless asked for.
pub struct EnvoyConfig {
    module: PathBuf,
    filters: Vec<Option<Filter>>,
    upstream: Option<SocketAddr>,
    clusters: Vec<(String, SocketAddr)>,
    concurrency: u32,
    normalize_path: bool,
    trailers: bool,
    vm_id: String,
    access_log: String,
    reloadable: bool,
    wall_clock: Option<i64>,
    environment: Vec<(String, String)>,
    edit: Option<Edit>,
    edit_plugins: Option<EditPlugin>,
    arguments: Vec<String>,
    directory: PathBuf,
}

impl EnvoyConfig {
    /// One listener with the filter before the router.
    pub fn new(module: impl Into<PathBuf>, filter: Filter) -> Self {
        Self {
            filters: vec![Some(filter)],
            ..Self::without_filter(module)
        }
    }

    /// One listener without any filter: the baseline of a benchmark.
    pub fn bare() -> Self {
        Self::without_filter("")
    }

    fn without_filter(module: impl Into<PathBuf>) -> Self {
        Self {
            module: module.into(),
            filters: vec![None],
            upstream: None,
            clusters: Vec::new(),
            concurrency: 1,
            normalize_path: false,
            trailers: false,
            vm_id: "auth_filter".into(),
            access_log: DEFAULT_ACCESS_LOG.into(),
            reloadable: false,
            wall_clock: None,
            environment: Vec::new(),
            edit: None,
            edit_plugins: None,
            arguments: Vec::new(),
            directory: PathBuf::new(),
        }
    }

    /// One more listener, whose filter has a configuration of its own in the same VM.
    #[must_use]
    pub fn and_listener(mut self, filter: Filter) -> Self {
        self.filters.push(Some(filter));
        self
    }

    /// Where requests go that the filter lets through. Without it Envoy answers them itself,
    /// with 200 and an empty body.
    #[must_use]
    pub fn upstream(mut self, addr: SocketAddr) -> Self {
        self.upstream = Some(addr);
        self
    }

    /// One more cluster, for callouts of the filter.
    #[must_use]
    pub fn cluster(mut self, name: &str, addr: SocketAddr) -> Self {
        self.clusters.push((name.into(), addr));
        self
    }

    /// How many worker threads, each with a VM of its own (1 by default).
    #[must_use]
    pub fn concurrency(mut self, workers: u32) -> Self {
        self.concurrency = workers;
        self
    }

    /// Lets Envoy resolve dot segments before the filter sees the path.
    #[must_use]
    pub fn normalize_path(mut self) -> Self {
        self.normalize_path = true;
        self
    }

    /// Lets the trailers of HTTP/1.1 messages through, which Envoy drops by default.
    #[must_use]
    pub fn trailers(mut self) -> Self {
        self.trailers = true;
        self
    }

    /// The id under which VMs share data.
    #[must_use]
    pub fn vm_id(mut self, id: &str) -> Self {
        self.vm_id = id.into();
        self
    }

    /// The format of a line of the access log.
    #[must_use]
    pub fn access_log(mut self, format: &str) -> Self {
        self.access_log = format!("{format}\n");
        self
    }

    /// Serves the listeners from a file that Envoy watches, so that [`Envoy::update_filter`]
    /// works. A refused configuration then does not keep Envoy from starting.
    #[must_use]
    pub fn reloadable(mut self) -> Self {
        self.reloadable = true;
        self
    }

    /// Gives Envoy a wall clock of its own, so many seconds ahead of the machine's, or behind it where they are negative.
    /// [`Envoy::shift_clock`] lets it jump; its other clocks are the machine's.
    #[must_use]
    pub fn shifted_clock(mut self, ahead: i64) -> Self {
        self.wall_clock = Some(ahead);
        self
    }

    /// Changes the finished bootstrap, for whatever has no method of its own.
    #[must_use]
    pub fn edit(mut self, edit: impl FnOnce(&mut Value) + Send + Sync + 'static) -> Self {
        self.edit = Some(Box::new(edit));
        self
    }

    /// Changes the Wasm plugin of each listener, by the listener's place: its failure policy, for example.
    #[must_use]
    pub fn edit_plugins(
        mut self,
        edit: impl Fn(usize, &mut Value) + Send + Sync + 'static,
    ) -> Self {
        self.edit_plugins = Some(Box::new(edit));
        self
    }

    /// Further arguments of Envoy's command line.
    #[must_use]
    pub fn arguments(mut self, arguments: &[&str]) -> Self {
        self.arguments
            .extend(arguments.iter().map(|argument| (*argument).to_owned()));
        self
    }

    /// A variable of Envoy's environment that it hands on to the filter.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts Envoy and waits until it is ready.
    ///
    /// # Errors
    /// With Envoy's log, when it refuses the configuration or does not become ready.
    pub fn start(mut self) -> Result<Envoy, String> {
        self.directory = lab_dir("envoy")?;
        let listeners = self
            .filters
            .iter()
            .map(|_| ports::free())
            .collect::<Result<Vec<_>, _>>()?;
        let admin = ports::free()?;
        let mut bootstrap = self.bootstrap(&listeners, admin);
        if let Some(edit) = self.edit.take() {
            edit(&mut bootstrap);
        }
        if self.reloadable {
            self.write_listeners(&self.directory, &listeners)?;
        }
        let text = serde_json::to_string_pretty(&bootstrap).map_err(|error| error.to_string())?;
        let directory = self.directory.clone();
        let clock = self
            .wall_clock
            .map(|ahead| WallClock::new(&directory, ahead))
            .transpose()?;
        let mut envoy = Envoy::start(
            &text,
            &directory,
            listeners,
            admin,
            self.concurrency,
            clock,
            (&self.arguments, &self.environment),
        )?;
        envoy.reloadable = self.reloadable.then_some(self);
        Ok(envoy)
    }

    pub(super) fn set_filters(&mut self, filter: &Filter) {
        for place in &mut self.filters {
            *place = Some(filter.clone());
        }
    }

    pub(super) fn write_listeners(
        &self,
        directory: &Path,
        addrs: &[SocketAddr],
    ) -> Result<(), String> {
        let mut resources = self.listeners(addrs);
        for resource in &mut resources {
            resource["@type"] = json!("type.googleapis.com/envoy.config.listener.v3.Listener");
        }
        let text = json!({ "resources": resources }).to_string();
        write(&directory.join("lds.json"), &text)
    }

    fn bootstrap(&self, addrs: &[SocketAddr], admin: SocketAddr) -> Value {
        let named = self
            .clusters
            .iter()
            .map(|(name, addr)| resources::cluster(name, *addr));
        let clusters: Vec<_> = self
            .upstream
            .iter()
            .map(|addr| resources::upstream(*addr, self.trailers))
            .chain(named)
            .collect();
        let mut bootstrap = json!({
            "node": { "id": "lab", "cluster": "lab" },
            "admin": { "address": resources::address(admin) },
            "static_resources": { "clusters": clusters },
        });
        if self.reloadable {
            let path = self.directory.join("lds.json");
            bootstrap["dynamic_resources"] = json!({
                "lds_config": {
                    "resource_api_version": "V3",
                    "path_config_source": { "path": path },
                },
            });
        } else {
            bootstrap["static_resources"]["listeners"] = json!(self.listeners(addrs));
        }
        bootstrap
    }

    fn listeners(&self, addrs: &[SocketAddr]) -> Vec<Value> {
        self.filters
            .iter()
            .zip(addrs)
            .enumerate()
            .map(|(index, (filter, addr))| {
                json!({
                    "name": format!("listener_{index}"),
                    "address": resources::address(*addr),
                    "filter_chains": [{
                        "filters": [{
                            "name": "envoy.filters.network.http_connection_manager",
                            "typed_config": self.connection_manager(index, filter.as_ref()),
                        }],
                    }],
                })
            })
            .collect()
    }

    fn plugin(&self, index: usize, filter: &Filter) -> Value {
        let mut plugin = resources::wasm(&self.module, &self.vm_id, &filter.0);
        if !self.environment.is_empty() {
            let names: Vec<_> = self.environment.iter().map(|(name, _)| name).collect();
            plugin["typed_config"]["config"]["vm_config"]["environment_variables"] =
                json!({ "host_env_keys": names });
        }
        if let Some(edit) = &self.edit_plugins {
            edit(index, &mut plugin["typed_config"]["config"]);
        }
        plugin
    }

    fn connection_manager(&self, index: usize, filter: Option<&Filter>) -> Value {
        let router = json!({
            "name": "envoy.filters.http.router",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
            },
        });
        let filters: Vec<_> = filter
            .map(|filter| self.plugin(index, filter))
            .into_iter()
            .chain([router])
            .collect();
        let action = match self.upstream {
            Some(_) => ("route", json!({ "cluster": "upstream" })),
            None => ("direct_response", json!({ "status": 200 })),
        };
        json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "lab",
            "normalize_path": self.normalize_path,
            "http_protocol_options": { "enable_trailers": self.trailers },
            "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
            "http_filters": filters,
            "route_config": {
                "virtual_hosts": [{
                    "name": "all",
                    "domains": ["*"],
                    "routes": [{ "match": { "prefix": "" }, (action.0): action.1 }],
                }],
            },
            "access_log": [{
                "name": "envoy.access_loggers.file",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
                    "path": self.directory.join("access.log"),
                    "log_format": { "text_format_source": { "inline_string": self.access_log } },
                },
            }],
        })
    }
}
