//! `UR02xx`: what this host gives to its users.

family! {
    UR0201 Engine "no subordinate ids are delegated to this user";
    UR0202 Engine "a line of /etc/subuid or /etc/subgid cannot be read";
    UR0203 Engine "newuidmap or newgidmap refused the map";
    UR0204 Engine "newuidmap or newgidmap is not installed";
    UR0205 Engine "no free range of ids is left";
    UR0206 Engine "this host does not let this user create a user namespace";
    UR0207 Engine "files of several owners were flattened, because only one id is available here";
    UR0208 Engine "the container needs more ids than an automatic map may have";
    UR0209 Engine "a file that may claim ids cannot be read";
}
