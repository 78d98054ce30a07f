//! `UR09xx`: registries: names, configuration, credentials, transfer.

family! {
    UR0901 Engine "a short name fits several registries";
    UR0902 Engine "there is no registry to look for a short name in";
    UR0903 Engine "the registry is blocked";
    UR0904 Engine "registries.conf is written in the old format";
    UR0905 Engine "a credential helper failed";
    UR0906 Engine "the policy rejects the image";
    UR0907 Engine "the policy asks for signatures, which cannot be checked";
    UR0908 Engine "the certificates for a registry cannot be used";
    UR0909 Engine "a file about registries cannot be written";
    UR0910 Engine "nobody is logged in to the registry";
    UR0921 Engine "the registry cannot be reached";
    UR0922 Engine "the registry refuses access";
    UR0923 Engine "the registry has no such image";
    UR0924 Engine "the registry failed";
    UR0925 Engine "the layers of an image are not kept as they came";
}
