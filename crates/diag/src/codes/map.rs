//! `UR01xx`: maps.

family! {
    UR0101 Engine "the map leaves out an id that the image or the container needs";
    UR0102 Engine "the map is written wrongly";
    UR0103 Engine "two extents of the map overlap";
    UR0104 Engine "the map has more extents or more text than the kernel accepts";
    UR0105 Engine "the map leaves out container uid or gid 0";
    UR0106 Engine "the map leaves out the user or a group of the process";
    UR0107 Engine "the map reaches beyond the ids that may be used here";
    UR0108 Engine "options that choose a map contradict each other";
    UR0109 Engine "a user or group is not known to the host";
}
