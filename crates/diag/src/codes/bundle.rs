//! `UR04xx`: bundles and config.json.

family! {
    UR0401 Engine "config.json cannot be read";
    UR0402 Engine "config.json is not valid";
    UR0403 Engine "root.path leads to no root filesystem";
    UR0404 Engine "root.path leads to an empty directory";
    UR0405 Engine "the root filesystem is not shifted into the map";
    UR0406 Engine "the root filesystem is shifted by another base than the map's";
    UR0407 Engine "the root filesystem was flattened: every file has one owner";
    UR0408 Engine "a directory on the way cannot be searched";
    UR0409 Engine "a user namespace and its mappings must be given together";
    UR0410 Engine "a namespace cannot be joined";
    UR0411 Engine "config.json asks for something that this version cannot do";
    UR0412 Engine "a device cannot be made";
    UR0413 Engine "the configuration contradicts itself";
    UR0420 Engine "the seccomp filter cannot be had on this machine";
    UR0421 Engine "the seccomp agent cannot be given the container";
    UR0422 Engine "the kernel's security module cannot give what is asked for";
    UR0423 Engine "the process cannot be scheduled as it is asked for";
    UR0425 Engine "a network device cannot be moved into the container";
}
