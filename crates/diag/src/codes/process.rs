//! `UR05xx`: the process of a container.

family! {
    UR0501 Engine "there is nothing to run: process.args is empty";
    UR0502 NotFound "the command was not found in the container";
    UR0503 CannotInvoke "the command cannot be executed";
    UR0504 CannotInvoke "the command's interpreter is missing";
    UR0505 CannotInvoke "the command is for another architecture";
    UR0506 Engine "the working directory cannot be used";
    UR0507 Engine "a user or group is not known to the image";
    UR0508 Engine "a capability is not known or not available";
    UR0509 Engine "a resource limit cannot be set";
    UR0510 Engine "a kernel parameter (sysctl) cannot be set";
    UR0511 Engine "the terminal cannot be set up";
    UR0512 Engine "the process cannot be set up";
}
