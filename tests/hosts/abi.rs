//! The functions of a host as the module imports them: bytes in and out of its memory, the rest is the state's.

use wasmtime::{Caller, Extern, Linker, Memory};

use crate::fixture::START;
use crate::message::{decode, encode};
use crate::personality::Personality;
use crate::state::{OK, State, Status, UNIMPLEMENTED};
use crate::stream::Answer;

type Host<'a> = Caller<'a, State>;

/// For how long the machine has run when a story begins, in milliseconds.
const UP_FOR: u64 = 7000;

/// Links all that a host offers. What the SDK imports and no filter of ours calls traps, as it does in nginx.
pub(crate) fn link(linker: &mut Linker<State>, host: Personality) -> wasmtime::Result<()> {
    link_requests(linker)?;
    link_process(linker)?;
    link_wasi(linker)?;
    const LEVEL: &str = "proxy_get_log_level";
    match host {
        Personality::Apisix => {}
        Personality::Envoy => drop(linker.func_wrap("env", LEVEL, |_: u32| OK)?),
        // Two parameters, where the SDK has one.
        Personality::Nginx { .. } => {
            linker.func_wrap("env", LEVEL, |_: u32, _: u32| UNIMPLEMENTED)?;
        }
    }
    Ok(())
}

fn memory(host: &mut Host<'_>) -> Memory {
    let Some(Extern::Memory(memory)) = host.get_export("memory") else {
        panic!("a module has a memory");
    };
    memory
}

fn bytes(host: &mut Host<'_>, at: u32, size: u32) -> wasmtime::Result<Vec<u8>> {
    let mut out = vec![0; size as usize];
    memory(host).read(host, at as usize, &mut out)?;
    Ok(out)
}

fn text(host: &mut Host<'_>, at: u32, size: u32) -> wasmtime::Result<String> {
    Ok(String::from_utf8(bytes(host, at, size)?)?)
}

fn put(host: &mut Host<'_>, at: u32, value: &[u8]) -> wasmtime::Result<()> {
    Ok(memory(host).write(host, at as usize, value)?)
}

/// Hands bytes over in memory that the module allocates.
fn give(host: &mut Host<'_>, value: &[u8], data: u32, size: u32) -> Status {
    let alloc = host.data().alloc.clone().expect("an instance");
    let at = alloc.call(&mut *host, value.len() as u32)?;
    put(host, at, value)?;
    put(host, data, &at.to_le_bytes())?;
    put(host, size, &(value.len() as u32).to_le_bytes())?;
    Ok(OK)
}

/// Hands over what there is, else says why not.
fn answer(host: &mut Host<'_>, value: Result<Vec<u8>, u32>, data: u32, size: u32) -> Status {
    match value {
        Ok(value) => give(host, &value, data, size),
        Err(status) => Ok(status),
    }
}

fn link_requests(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_get_header_map_pairs",
        |mut host: Host<'_>, map: u32, data: u32, size: u32| -> Status {
            host.data_mut().count("get_header_map_pairs");
            let pairs = host.data_mut().pairs(map)?.map(|pairs| encode(&pairs));
            answer(&mut host, pairs, data, size)
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_replace_header_map_value",
        |mut host: Host<'_>, map: u32, name: u32, size: u32, value: u32, length: u32| -> Status {
            host.data_mut().count("replace_header_map_value");
            let (name, value) = (
                bytes(&mut host, name, size)?,
                bytes(&mut host, value, length)?,
            );
            host.data_mut().replace_header(map, &name, &value)
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_remove_header_map_value",
        |mut host: Host<'_>, map: u32, name: u32, size: u32| -> Status {
            host.data_mut().count("remove_header_map_value");
            let name = bytes(&mut host, name, size)?;
            host.data_mut().remove_header(map, &name)
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_buffer_bytes",
        |mut host: Host<'_>, kind: u32, start: u32, most: u32, data: u32, size: u32| -> Status {
            host.data_mut().count("get_buffer_bytes");
            let buffer = host.data().buffer(kind).map(|buffer| {
                let rest = buffer.into_iter().skip(start as usize);
                rest.take(most as usize).collect()
            });
            answer(&mut host, buffer, data, size)
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_property",
        |mut host: Host<'_>, path: u32, length: u32, data: u32, size: u32| -> Status {
            host.data_mut().count("get_property");
            let path = text(&mut host, path, length)?;
            let value = host.data_mut().property(&path)?;
            answer(&mut host, value, data, size)
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_property",
        |mut host: Host<'_>, path: u32, length: u32, data: u32, size: u32| -> Status {
            host.data_mut().count("set_property");
            let (path, value) = (
                text(&mut host, path, length)?,
                bytes(&mut host, data, size)?,
            );
            host.data_mut().set_property(&path, &value)
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_continue_stream",
        |mut host: Host<'_>, stream: u32| -> Status {
            host.data_mut().count("continue_stream");
            host.data_mut().resume(stream)
        },
    )?;
    link_answers(linker)
}

fn link_answers(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_send_local_response",
        |mut host: Host<'_>,
         status: u32,
         _: u32,
         details: u32,
         body: u32,
         body_size: u32,
         headers: u32,
         headers_size: u32,
         grpc_status: i32|
         -> Status {
            host.data_mut().count("send_local_response");
            if details > 0 && host.data().host.is_nginx() {
                return Err(host.data().forbid("clients are shown a reason phrase"));
            }
            let headers = decode(&bytes(&mut host, headers, headers_size)?);
            let text_of = |bytes: Vec<u8>| String::from_utf8(bytes).expect("an answer is text");
            let answer = Answer {
                status: u16::try_from(status)?,
                headers: headers
                    .into_iter()
                    .map(|(name, value)| (text_of(name), text_of(value)))
                    .collect(),
                body: text(&mut host, body, body_size)?,
                grpc_status,
            };
            host.data_mut().respond(answer)
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_http_call",
        |mut host: Host<'_>,
         upstream: u32,
         upstream_size: u32,
         headers: u32,
         headers_size: u32,
         body: u32,
         body_size: u32,
         _: u32,
         _: u32,
         timeout: u32,
         token: u32|
         -> Status {
            host.data_mut().count("http_call");
            let upstream = text(&mut host, upstream, upstream_size)?;
            let headers = decode(&bytes(&mut host, headers, headers_size)?);
            let body = bytes(&mut host, body, body_size)?;
            match host.data_mut().call_out(upstream, headers, body, timeout)? {
                Ok(number) => {
                    put(&mut host, token, &number.to_le_bytes())?;
                    Ok(OK)
                }
                Err(status) => Ok(status),
            }
        },
    )?;
    Ok(())
}

fn link_process(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_log",
        |mut host: Host<'_>, level: u32, data: u32, size: u32| -> Status {
            let line = text(&mut host, data, size)?;
            host.data().world.borrow_mut().log.push((level, line));
            Ok(OK)
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_current_time_nanoseconds",
        |mut host: Host<'_>, time: u32| -> Status { clock(&mut host, 0, time) },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_tick_period_milliseconds",
        |mut host: Host<'_>, period: u32| -> Status {
            host.data_mut().count("set_tick_period");
            host.data_mut().set_tick_period(period)
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_effective_context",
        |mut host: Host<'_>, id: u32| -> u32 {
            host.data_mut().count("set_effective_context");
            host.data_mut().set_effective_context(id)
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_shared_data",
        |mut host: Host<'_>, key: u32, length: u32, data: u32, size: u32, cas: u32| -> Status {
            host.data_mut().count("get_shared_data");
            let key = text(&mut host, key, length)?;
            match host.data_mut().shared_data(&key)? {
                Ok((value, version)) => {
                    put(&mut host, cas, &version.to_le_bytes())?;
                    give(&mut host, &value, data, size)
                }
                Err(status) => Ok(status),
            }
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_shared_data",
        |mut host: Host<'_>, key: u32, length: u32, data: u32, size: u32, cas: u32| -> Status {
            host.data_mut().count("set_shared_data");
            let (key, value) = (text(&mut host, key, length)?, bytes(&mut host, data, size)?);
            host.data_mut().set_shared_data(&key, value, cas)
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_define_metric",
        |mut host: Host<'_>, kind: u32, name: u32, size: u32, id: u32| -> Status {
            host.data_mut().count("define_metric");
            let name = text(&mut host, name, size)?;
            match host.data_mut().define_metric(kind, name) {
                Ok(number) => {
                    put(&mut host, id, &number.to_le_bytes())?;
                    Ok(OK)
                }
                Err(status) => Ok(status),
            }
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_increment_metric",
        |mut host: Host<'_>, id: u32, by: i64| -> Status {
            host.data_mut().count("increment_metric");
            host.data_mut().increment_metric(id, by)
        },
    )?;
    Ok(())
}

fn clock(host: &mut Host<'_>, id: u32, time: u32) -> Status {
    let now = {
        let state = host.data();
        let world = state.world.borrow();
        match id {
            _ if world.has_no_clock => None,
            1 if world.has_no_monotonic_clock => None,
            // The clock of nginx's loop, whatever is asked.
            1 if !state.host.is_nginx() => Some(world.now - *START * 1000 + UP_FOR),
            _ => Some(world.wall()),
        }
    };
    let Some(now) = now else {
        return Ok(UNIMPLEMENTED);
    };
    put(host, time, &(now * 1_000_000).to_le_bytes())?;
    Ok(OK)
}

fn link_wasi(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    const WASI: &str = "wasi_snapshot_preview1";
    linker.func_wrap(
        WASI,
        "clock_time_get",
        |mut host: Host<'_>, id: u32, _: u64, time: u32| -> Status {
            assert!(id < 2, "only two clocks are everywhere");
            clock(&mut host, id, time)
        },
    )?;
    linker.func_wrap(
        WASI,
        "random_get",
        |mut host: Host<'_>, data: u32, size: u32| -> Status {
            put(&mut host, data, &vec![0x5a; size as usize])?;
            Ok(OK)
        },
    )?;
    linker.func_wrap(
        WASI,
        "environ_sizes_get",
        |mut host: Host<'_>, count: u32, size: u32| -> Status {
            let entries = host.data().environment();
            let bytes: usize = entries.iter().map(Vec::len).sum();
            put(
                &mut host,
                count,
                &u32::try_from(entries.len())?.to_le_bytes(),
            )?;
            put(&mut host, size, &u32::try_from(bytes)?.to_le_bytes())?;
            Ok(OK)
        },
    )?;
    linker.func_wrap(
        WASI,
        "environ_get",
        |mut host: Host<'_>, mut pointers: u32, mut text: u32| -> Status {
            for entry in host.data().environment() {
                put(&mut host, pointers, &text.to_le_bytes())?;
                put(&mut host, text, &entry)?;
                pointers += 4;
                text += u32::try_from(entry.len())?;
            }
            Ok(OK)
        },
    )?;
    linker.func_wrap(WASI, "fd_write", |_: u32, _: u32, _: u32, _: u32| OK)?;
    linker.func_wrap(
        WASI,
        "proc_exit",
        |host: Host<'_>, _: u32| -> wasmtime::Result<()> {
            Err(host.data().forbid("the process is ended"))
        },
    )?;
    Ok(())
}
