//! `UR06xx`: a container's life under the runtime.

family! {
    UR0601 Engine "a container with this id exists already";
    UR0602 Engine "there is no container with this id";
    UR0603 Engine "the container is in the wrong state for this";
    UR0604 Engine "a container id has characters that are not allowed";
    UR0605 Engine "a hook failed";
    UR0606 Engine "the container's state cannot be read or written";
    UR0607 Engine "a control group cannot be used";
    UR0608 Engine "the container died while it was being set up";
    UR0609 Engine "no signal of this name";
    UR0610 Engine "the command line is not valid";
    UR0611 Engine "no control group is delegated here, so the container runs without one";
    UR0620 Engine "a limit cannot be set";
    UR0621 Engine "the container cannot be paused or resumed";
    UR0622 Engine "the processes of the container cannot be shown";
    UR0630 Engine "the container's log cannot be written";
    UR0631 Engine "the container's monitor is older than this needs";
    UR0632 Engine "a file that the container was to leave cannot be written";
    UR0633 Engine "the service manager cannot be notified";
    UR0640 Engine "the container is paused";
    UR0641 Engine "the container's namespaces cannot be entered";
    UR0642 Engine "the description of a process cannot be read";
    UR0644 NotFound "the working directory is not there";
    UR0699 Engine "the kernel refused something that should have worked";
}
