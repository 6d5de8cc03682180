//! One VM: an instance of the module that ships, driven as its host drives it.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::LazyLock;

use wasmtime::{Config, Engine, Instance, Linker, Module, Store, Strategy};

use crate::abi;
use crate::message::Request;
use crate::personality::Personality;
use crate::state::{Callback, State};
use crate::stream::Fate;
use crate::world::{Flight, Reply, World};

/// The module, compiled once.
static MODULE: LazyLock<Module> = LazyLock::new(|| compile(false));
/// The same, which counts its steps.
static METERED: LazyLock<Module> = LazyLock::new(|| compile(true));

fn compile(metered: bool) -> Module {
    let mut config = Config::new();
    config.strategy(Strategy::Winch).consume_fuel(metered);
    let engine = Engine::new(&config).unwrap();
    Module::from_file(&engine, lab::tools::wasm().unwrap()).unwrap()
}

/// More steps than any test takes.
const STEPS: u64 = u64::MAX / 2;

/// A VM of a process.
pub(crate) struct Vm {
    host: Personality,
    store: Store<State>,
    instance: Instance,
    /// Whether the configuration is in force; `None` before anybody asked.
    configured: Option<bool>,
    next: u32,
    /// The root context that new requests belong to.
    root: u32,
    /// Whether the instance trapped.
    dead: bool,
}

impl Vm {
    /// A VM of this host with its configuration, which is delivered when the host delivers it.
    pub(crate) fn new(
        host: Personality,
        world: &Rc<RefCell<World>>,
        index: usize,
        configuration: &[u8],
    ) -> Self {
        let (store, instance) = instantiate(host, world, index, configuration.to_vec());
        let mut vm = Self {
            host,
            store,
            instance,
            configured: None,
            next: host.root().wrapping_add(1),
            root: host.root(),
            dead: false,
        };
        vm.start(true);
        vm
    }

    /// Whether the filter took its configuration, where it has been asked.
    pub(crate) fn configured(&self) -> Option<bool> {
        self.configured
    }

    pub(crate) fn state(&self) -> &State {
        self.store.data()
    }

    /// Bytes of memory that the instance has.
    pub(crate) fn memory(&mut self) -> usize {
        let memory = self.instance.get_memory(&mut self.store, "memory");
        memory.unwrap().data_size(&self.store)
    }

    /// The steps that the instance has taken, in a process that counts them: the same for the same requests.
    pub(crate) fn steps(&self) -> u64 {
        STEPS - self.store.get_fuel().unwrap()
    }

    /// The VM begins, or only an instance of it: ngx_wasm_module starts a VM once.
    fn start(&mut self, is_first: bool) {
        let root = self.root;
        self.call(Callback::Start, root, "proxy_on_context_create", &[root, 0]);
        if self.host == Personality::Apisix {
            return;
        }
        if is_first || !self.host.is_nginx() {
            let started = self.call(Callback::Start, root, "proxy_on_vm_start", &[root, 0]);
            assert_eq!(started, Some(1), "on_vm_start");
        }
        self.configure();
    }

    fn configure(&mut self) {
        let root = self.root;
        let size = self.state().configuration.len() as u32;
        let taken = self.call(
            Callback::Configure,
            root,
            "proxy_on_configure",
            &[root, size],
        );
        self.configured = Some(taken == Some(1));
    }

    /// Delivers another configuration to the same VM, as Envoy does: to a new root context, which new requests belong to
    /// if it takes it. Contexts are numbered from `number` on, as in a VM that has seen so many.
    pub(crate) fn reconfigure(&mut self, configuration: &[u8], number: u32) -> bool {
        let before = (self.root, self.state().configuration.clone());
        self.store.data_mut().configuration = configuration.to_vec();
        self.root = number;
        self.next = number + 1;
        self.start(true);
        let taken = self.configured == Some(true);
        let gone = if taken { before.0 } else { number };
        if !taken {
            (self.root, self.store.data_mut().configuration) = before;
            self.configured = Some(true);
        }
        self.call(Callback::Done, gone, "proxy_on_done", &[gone]);
        self.call(Callback::Done, gone, "proxy_on_delete", &[gone]);
        taken
    }

    /// From now on the instance gets no more memory.
    pub(crate) fn exhaust(&mut self) {
        let size = self.memory();
        self.store.data_mut().limits = wasmtime::StoreLimitsBuilder::new()
            .memory_size(size)
            .trap_on_grow_failure(false)
            .build();
    }

    /// A request arrives. Its number, and what became of it so far.
    pub(crate) fn request(&mut self, request: Request) -> (u32, Fate) {
        if let Some(status) = request.refused_by(self.host) {
            return (0, Fate::Host(status));
        }
        if !self.revive() {
            return (0, Fate::Host(503));
        }
        let root = self.root;
        if self.configured.is_none() {
            self.configure();
        }
        if self.configured == Some(false) {
            return (0, Fate::Host(503));
        }
        let id = self.next;
        self.next += 1;
        self.store.data_mut().open(id, request);
        let count = self.state().streams[&id].seen.len() as u32;
        // nginx never says that a message ends with its headers.
        let ends = u32::from(self.host == Personality::Envoy);
        let created = self.call(Callback::None, id, "proxy_on_context_create", &[id, root]);
        let action = created.and_then(|_| {
            let arguments = [id, count, ends];
            self.call(
                Callback::RequestHeaders,
                id,
                "proxy_on_request_headers",
                &arguments,
            )
        });
        let Some(action) = action else {
            return (id, Fate::Host(500));
        };
        let passes = action == 0;
        let stream = self.store.data_mut().streams.get_mut(&id).unwrap();
        let (answered, waits) = (stream.answer.is_some(), stream.pending > 0);
        if passes && !answered {
            stream.resumed = true;
        }
        let alone = !passes && !answered && !stream.resumed && !waits;
        if self.host != Personality::Envoy && (alone || passes && waits) {
            let what = if alone {
                "a request waits for nothing and hangs"
            } else {
                "a request goes on with a callout under way"
            };
            let _ = self.state().forbid(what);
        }
        (id, self.settle(id))
    }

    /// What became of a request; one that ended is forgotten by the filter.
    pub(crate) fn settle(&mut self, id: u32) -> Fate {
        let Some(stream) = self.state().streams.get(&id) else {
            return Fate::Held;
        };
        let fate = match &stream.answer {
            Some(answer) => Fate::Refused(answer.clone()),
            None if stream.resumed => Fate::Forwarded(Box::new(stream.clone())),
            None => return Fate::Held,
        };
        self.leave(id);
        fate
    }

    /// A request is over: it was answered, or its client went away.
    pub(crate) fn leave(&mut self, id: u32) {
        let world = Rc::clone(&self.state().world);
        let vm = self.state().vm;
        // Its callouts are cancelled.
        world
            .borrow_mut()
            .flights
            .retain(|flight| flight.vm != vm || flight.context != id);
        if self.host != Personality::Apisix {
            self.call(Callback::Done, id, "proxy_on_done", &[id]);
        }
        self.call(Callback::Done, id, "proxy_on_delete", &[id]);
        self.store.data_mut().streams.remove(&id);
    }

    /// Requests that have neither an answer nor left.
    pub(crate) fn open(&self) -> Vec<u32> {
        self.state().streams.keys().copied().collect()
    }

    /// A timer of this VM is due.
    pub(crate) fn tick(&mut self) {
        if !self.revive() {
            return;
        }
        let root = self.root;
        self.call(Callback::Tick, root, "proxy_on_tick", &[root]);
    }

    /// The answer to a callout arrives.
    pub(crate) fn answer(&mut self, flight: &Flight) {
        let (headers, body) = match flight.reply.clone() {
            Some(Reply::Answer(status, headers, body)) => {
                let mut pairs = vec![(b":status".to_vec(), status.to_string().into_bytes())];
                let headers = headers.into_iter();
                pairs.extend(headers.map(|(name, value)| (name.into(), value.into_bytes())));
                (pairs, body)
            }
            _ => (Vec::new(), Vec::new()),
        };
        let sizes = [headers.len() as u32, body.len() as u32];
        let failed = headers.is_empty();
        let state = self.store.data_mut();
        state.called = (!failed || self.host == Personality::Envoy).then_some((headers, body));
        let context = flight.context;
        if let Some(stream) = state.streams.get_mut(&context) {
            stream.pending -= 1;
            stream.unanswered |= failed;
        }
        let arguments = [context, flight.token, sizes[0], sizes[1], 0];
        self.call(
            Callback::CallResponse,
            context,
            "proxy_on_http_call_response",
            &arguments,
        );
        let state = self.store.data_mut();
        state.called = None;
        // A request whose last callout is answered goes on, whatever the filter had in mind.
        if self.host != Personality::Envoy
            && let Some(stream) = state.streams.get_mut(&context)
            && stream.pending == 0
            && stream.answer.is_none()
        {
            stream.resumed = true;
        }
    }

    /// Calls one of the module's functions; `None` where it trapped, and then a new instance has its place where the
    /// host keeps one.
    fn call(
        &mut self,
        callback: Callback,
        context: u32,
        name: &str,
        arguments: &[u32],
    ) -> Option<u32> {
        let state = self.store.data_mut();
        state.callback = callback;
        state.current = context;
        state.effective = context;
        state.settled = 0;
        let function = self.instance.get_func(&mut self.store, name).expect(name);
        let results = function.ty(&self.store).results().len();
        let mut out = vec![wasmtime::Val::I32(0); results];
        let arguments: Vec<_> = arguments
            .iter()
            .map(|value| wasmtime::Val::I32(*value as i32))
            .collect();
        let ended = function.call(&mut self.store, &arguments, &mut out);
        self.store.data_mut().callback = Callback::None;
        match ended {
            Ok(()) => Some(out.first().and_then(wasmtime::Val::i32).unwrap_or(0) as u32),
            Err(error) => {
                self.trapped(&format!("{name}: {error:?}"));
                None
            }
        }
    }

    fn trapped(&mut self, why: &str) {
        let world = Rc::clone(&self.state().world);
        world.borrow_mut().traps.push(why.to_owned());
        let vm = self.state().vm;
        world.borrow_mut().flights.retain(|flight| flight.vm != vm);
        self.dead = true;
        if !self.host.is_nginx() {
            world.borrow_mut().tickers[vm].clear();
        }
    }

    /// Whether the instance trapped: its requests have failed with it.
    pub(crate) fn is_dead(&self) -> bool {
        self.dead
    }

    /// What nginx does at the next request or tick after a trap: all begins anew, in a VM whose timers are still there.
    /// Elsewhere the VM stays as it is. Whether it lives.
    fn revive(&mut self) -> bool {
        if self.dead && self.host.is_nginx() {
            let (world, vm) = (Rc::clone(&self.state().world), self.state().vm);
            let configuration = self.state().configuration.clone();
            (self.store, self.instance) = instantiate(self.host, &world, vm, configuration);
            self.dead = false;
            self.configured = None;
            self.start(false);
        }
        !self.dead
    }
}

fn instantiate(
    host: Personality,
    world: &Rc<RefCell<World>>,
    index: usize,
    configuration: Vec<u8>,
) -> (Store<State>, Instance) {
    let (memory, metered) = {
        let mut world = world.borrow_mut();
        let vms = (index + 1).max(world.instances.len());
        world.instances.resize(vms, 0);
        world.tickers.resize(vms, Vec::new());
        world.instances[index] += 1;
        (world.memory, world.metered)
    };
    let module: &Module = if metered { &METERED } else { &MODULE };
    let engine = module.engine();
    let state = State::new(host, Rc::clone(world), index, configuration, memory);
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.limits);
    if metered {
        store.set_fuel(STEPS).unwrap();
    }
    let mut linker = Linker::new(engine);
    abi::link(&mut linker, host).unwrap();
    linker.define_unknown_imports_as_traps(module).unwrap();
    let instance = linker.instantiate(&mut store, module).unwrap();
    let alloc = instance.get_typed_func(&mut store, "proxy_on_memory_allocate");
    store.data_mut().alloc = Some(alloc.unwrap());
    let begin = instance.get_typed_func::<(), ()>(&mut store, "_initialize");
    begin.unwrap().call(&mut store, ()).unwrap();
    (store, instance)
}
