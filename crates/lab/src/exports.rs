//! The callbacks that the module offers: a host calls each one that is there, whether anybody listens or not.

/// What the filter listens to. The SDK exports every callback of the ABI, and a host calls each one for the headers and
/// the body of every response.
const KEPT: &[&str] = &[
    "_initialize",
    "memory",
    "proxy_abi_version_0_2_1",
    "proxy_on_configure",
    "proxy_on_context_create",
    "proxy_on_delete",
    "proxy_on_done",
    "proxy_on_http_call_response",
    "proxy_on_memory_allocate",
    "proxy_on_request_body",
    "proxy_on_request_headers",
    "proxy_on_request_trailers",
    "proxy_on_tick",
    "proxy_on_vm_start",
];

/// The number of the export section (WebAssembly core specification, "Modules", binary format).
const EXPORTS: u8 = 7;

/// The module without the exports that nobody needs; `None` for what is no module.
pub(crate) fn narrowed(module: &[u8]) -> Option<Vec<u8>> {
    let (head, mut rest) = module.split_at_checked(8)?;
    let mut out = head.to_vec();
    while let Some((id, behind)) = rest.split_first() {
        let (size, behind) = number(behind)?;
        let (section, behind) = behind.split_at_checked(size)?;
        let section = if *id == EXPORTS {
            kept(section)?
        } else {
            section.to_vec()
        };
        out.push(*id);
        push_number(&mut out, section.len());
        out.extend(section);
        rest = behind;
    }
    Some(out)
}

/// The entries of an export section that are kept.
fn kept(section: &[u8]) -> Option<Vec<u8>> {
    let (count, mut rest) = number(section)?;
    let mut entries = Vec::new();
    for _ in 0..count {
        let start = rest;
        let (size, behind) = number(rest)?;
        let (name, behind) = behind.split_at_checked(size)?;
        // A byte says of what kind it is.
        let (_, behind) = number(behind.get(1..)?)?;
        let entry = &start[..start.len() - behind.len()];
        if KEPT.iter().any(|kept| kept.as_bytes() == name) {
            entries.push(entry);
        }
        rest = behind;
    }
    let mut out = Vec::new();
    push_number(&mut out, entries.len());
    out.extend(entries.concat());
    rest.is_empty().then_some(out)
}

/// An unsigned LEB128 number, and what stands behind it.
fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let end = bytes.iter().take(5).position(|byte| byte & 0x80 == 0)?;
    let (digits, rest) = bytes.split_at(end + 1);
    let value = digits
        .iter()
        .rev()
        .fold(0, |value, digit| value << 7 | usize::from(digit & 0x7f));
    Some((value, rest))
}

fn push_number(out: &mut Vec<u8>, mut value: usize) {
    loop {
        let digit = u8::try_from(value & 0x7f).unwrap_or_default();
        value >>= 7;
        if value == 0 {
            return out.push(digit);
        }
        out.push(digit | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(id: u8, body: &[u8]) -> Vec<u8> {
        let mut out = vec![id];
        push_number(&mut out, body.len());
        out.extend(body);
        out
    }

    fn export(name: &str, index: usize) -> Vec<u8> {
        let mut out = vec![u8::try_from(name.len()).unwrap()];
        out.extend(name.as_bytes());
        out.push(0);
        push_number(&mut out, index);
        out
    }

    #[test]
    fn only_what_the_filter_listens_to_is_left() {
        let magic = b"\0asm\x01\0\0\0";
        let other = section(1, &[0; 300]);
        let exports = |entries: &[Vec<u8>]| {
            let mut body = vec![u8::try_from(entries.len()).unwrap()];
            body.extend(entries.concat());
            section(EXPORTS, &body)
        };
        let (done, log) = (export("proxy_on_done", 7), export("proxy_on_log", 300));
        let (tick, memory) = (export("proxy_on_tick", 300), export("memory", 0));
        let module = |entries: &[Vec<u8>]| [&magic[..], &other, &exports(entries), &other].concat();
        let before = module(&[done.clone(), log, tick.clone(), memory.clone()]);
        assert_eq!(narrowed(&before), Some(module(&[done, tick, memory])));
        // Whole sections make a module of their own.
        let ends = [magic.len() + other.len(), before.len() - other.len()];
        for cut in (9..before.len()).filter(|cut| !ends.contains(cut)) {
            assert_eq!(narrowed(&before[..cut]), None, "{cut}");
        }
    }
}
