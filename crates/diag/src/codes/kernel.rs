//! `UR03xx`: mounts and what the kernel refuses about them.

family! {
    UR0301 Engine "this kernel cannot idmap mounts";
    UR0302 Engine "the file system belongs to another user namespace, so its mounts cannot be idmapped from here";
    UR0303 Engine "this file system cannot be idmapped on this kernel";
    UR0304 Engine "the mount is idmapped already";
    UR0305 Engine "the overlay came up read-only";
    UR0306 Engine "a mount below blocks a recursive idmap";
    UR0307 Engine "a mount failed";
    UR0311 Engine "proc needs a pid namespace that the container's user namespace owns";
    UR0312 Engine "sysfs needs a network namespace that the container's user namespace owns";
    UR0313 Engine "a mount option names an id that the map leaves out";
    UR0314 Engine "mqueue needs an ipc namespace that the container's user namespace owns";
    UR0315 Engine "the source of a mount cannot be opened";
    UR0316 Engine "a mount option is not known";
    UR0317 Engine "the target of a mount cannot be used";
    UR0318 Engine "proc is masked on this host, so a new one cannot be mounted";
    UR0319 Engine "this kernel does not tell how a mount maps ids";
    UR0320 Engine "a bind mount cannot be translated here, so its files have the host's owners";
    UR0322 Engine "the map of a mount contradicts itself";
}
