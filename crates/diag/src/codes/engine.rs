//! `UR08xx`: containers with names.

family! {
    UR0801 Engine "the name is in use";
    UR0802 Engine "there is no such container";
    UR0803 Engine "the container is running";
    UR0804 Engine "a name is written wrongly";
    UR0805 Engine "the container's monitor was killed";
    UR0806 Engine "the command line is not valid";
    UR0807 Engine "unroot-runtime cannot be found";
    UR0808 Engine "the option is known to Podman and not supported yet";
    UR0809 Engine "an id fits several containers";
    UR0810 Engine "the container's records cannot be read";
    UR0811 Engine "a configuration file cannot be read or understood";
    UR0812 Engine "a process cannot be looked at";
    UR0813 Engine "nothing of that name is known";
    UR0814 Engine "the container does not run";
    UR0820 Engine "the container has no log that can be read";
    UR0821 Engine "the container has no health check";
    UR0830 Engine "two options contradict each other";
    UR0831 Engine "a file that an option names cannot be used";
    UR0834 Engine "a security option cannot be honoured";
    UR0835 Engine "a device of the host cannot be used";
    UR0840 Engine "there is no such volume";
    UR0841 Engine "a volume of that name exists already";
    UR0842 Engine "the volume is in use";
    UR0843 Engine "a volume or mount option is written wrongly";
    UR0844 Engine "two mounts have the same destination";
    UR0845 Engine "the volume's files have the owners of another map, and a container that runs needs them so";
    UR0846 Engine "owners would be changed that are better left alone";
    UR0847 Engine "there is no change of owners to take back";
    UR0848 Engine "the file system of a volume cannot be mounted";
    UR0849 Engine "`:U` changes the owners of files";
    UR0860 Engine "a container's files cannot be read from outside";
    UR0861 Engine "the archive cannot be written";
    UR0862 Engine "there is no such column";
}
