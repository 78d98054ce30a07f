//! `UR07xx`: content, layers and images.

family! {
    UR0701 Engine "there is no such image";
    UR0702 Engine "an image reference is written wrongly";
    UR0703 Engine "the content does not match its digest";
    UR0704 Engine "an archive cannot be read";
    UR0705 Engine "an entry of a layer is not acceptable";
    UR0706 Engine "a manifest or an image configuration is not valid";
    UR0707 Engine "the store cannot be read or written";
    UR0708 Engine "the store was written by a newer version";
    UR0709 Engine "the store is open to others";
    UR0710 Engine "the image is in use";
    UR0711 Engine "the disk is full";
    UR0712 Engine "the image is for another platform";
    UR0713 Engine "a name fits several images";
    UR0714 Engine "compression or media type is not supported";
    UR0715 Engine "parts of a layer cannot be stored here and were left out";
    UR0720 Engine "a blob of the store is damaged or missing";
    UR0721 Engine "a layer is damaged or missing";
    UR0722 Engine "an image's record leads nowhere";
    UR0723 Engine "a container's directory is not complete";
    UR0724 Engine "a name leads to no container";
    UR0725 Engine "something is left over in the store";
    UR0726 Engine "the store has defects";
    UR0727 Engine "the store is in use, and is not reset";
    UR0728 Engine "interrupted";
    UR0740 Engine "an image cannot be written to its place";
}
