#![cfg_attr(fuzzing, no_main)]

cowl_fuzz::fuzz!(cowl_fuzz::mpc::messages);
