#!/bin/bash
# DevStack sources this file in each of its phases, with mode and phase as arguments, in a shell that ends at the first
# failure. What it defines is Neutron's drivers; romana-server and the agents are not DevStack's.

ROMANA_DRIVERS_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
ROMANA_POLICY=$NEUTRON_CONF_DIR/policy.d/90-romana.yaml
ROMANA_NOVA_POLICY=$NOVA_CONF_DIR/policy.d/90-romana.yaml

# Before a run of many minutes, not after it: Neutron would start without them, and fail with the first port.
function check_romana {
    local file
    if [[ ,$Q_ML2_PLUGIN_MECHANISM_DRIVERS, != *,romana,* ]]; then
        die $LINENO "Q_ML2_PLUGIN_MECHANISM_DRIVERS is $Q_ML2_PLUGIN_MECHANISM_DRIVERS; have romana in it"
    fi
    for file in "$ROMANA_SERVER_CA" "$ROMANA_TOKEN_FILE"; do
        if [[ ! -r $file ]]; then
            die $LINENO "$file is missing, or not for $STACK_USER to read; set ROMANA_SERVER_CA and ROMANA_TOKEN_FILE"
        fi
    done
}

# setup_develop of some releases wants what only a build by setuptools leaves in the directory.
function install_romana {
    pip_install -e "$ROMANA_DRIVERS_DIR"
}

function configure_romana {
    iniset "$NEUTRON_CONF" DEFAULT ipam_driver romana
    iniset "$NEUTRON_CONF" DEFAULT dhcp_agent_notification False
    iniset "$NEUTRON_CONF" romana url "$ROMANA_SERVER_URL"
    iniset "$NEUTRON_CONF" romana ca_file "$ROMANA_SERVER_CA"
    iniset "$NEUTRON_CONF" romana token_file "$ROMANA_TOKEN_FILE"
    if [[ -n $ROMANA_NOVA_URL ]]; then
        iniset "$NEUTRON_CONF" romana nova_url "$ROMANA_NOVA_URL"
    fi
    # Otherwise an agent's installation makes it.
    sudo install -d -o "$STACK_USER" "$DATA_DIR/neutron"
    configure_romana_services
    configure_romana_policy
    configure_romana_nova
}

# With segments a port's address waits until its host is known. Releases without them make ports with their host, have
# another QoS and other routers than our plugins are made for, and have to be told that networks may have the same addresses.
function configure_romana_services {
    if [[ -d $NEUTRON_DIR/neutron/services/segments ]]; then
        neutron_service_plugin_class_add segments
        neutron_service_plugin_class_add romana_qos
        neutron_service_plugin_class_add romana_l3
        neutron_service_plugin_class_add romana_port_forwarding
        if [[ ,$Q_ML2_PLUGIN_EXT_DRIVERS, != *,qos,* ]]; then
            iniset "/$Q_PLUGIN_CONF_FILE" ml2 extension_drivers \
                "${Q_ML2_PLUGIN_EXT_DRIVERS:+$Q_ML2_PLUGIN_EXT_DRIVERS,}qos"
        fi
    else
        iniset "$NEUTRON_CONF" DEFAULT allow_overlapping_ips True
    fi
}

function configure_romana_policy {
    local rules=$ROMANA_DRIVERS_DIR/src/networking_romana/policy.yaml
    sudo install -d -o "$STACK_USER" "$(dirname "$ROMANA_POLICY")"
    if grep -qs service_api "$NEUTRON_DIR/neutron/conf/policies/base.py"; then
        cat "$rules" >"$ROMANA_POLICY"
        if is_service_enabled n-api; then
            sudo install -d -o "$STACK_USER" "$(dirname "$ROMANA_NOVA_POLICY")"
            echo '"os_compute_api:os-migrate-server:migrate_live": "romana:live_migration"' >"$ROMANA_NOVA_POLICY"
        fi
    else
        # Releases without services' own rules let administrators write a profile, know no checks of others, and read
        # JSON, in which the last has no comma after it.
        sed -n '/profile\|network_owner/d; s/ or romana:[a-z_]*//; s/rule:service_api/rule:context_is_advsvc/p' "$rules" |
            sed '1s/^/{/; $!s/$/,/; $s/$/}/' >"$ROMANA_POLICY"
    fi
}

# The drivers ask Nova about instances: with one process more than Neutron's can make wait, there is one to answer.
function configure_romana_nova {
    if is_service_enabled n-api && [[ -n $NOVA_UWSGI_CONF && -f $NOVA_UWSGI_CONF ]]; then
        iniset "$NOVA_UWSGI_CONF" uwsgi processes "$((API_WORKERS + 1))"
    fi
}

# It makes ports ACTIVE when an agent reports them in place.
function start_romana {
    run_process neutron-romana \
        "$NEUTRON_BIN_DIR/neutron-romana --config-file $NEUTRON_CONF --config-file /$Q_PLUGIN_CONF_FILE"
}

function stop_romana {
    stop_process neutron-romana
}

# The external network is made when DevStack is done, and instances are reached by their own addresses.
function configure_romana_tests {
    if is_service_enabled tempest; then
        iniset "$TEMPEST_CONFIG" network-feature-enabled floating_ips False
        iniset "$TEMPEST_CONFIG" validation connect_method fixed
    fi
}

function clean_romana {
    sudo rm -f "$ROMANA_POLICY" "$ROMANA_NOVA_POLICY"
}

if is_service_enabled neutron-romana; then
    case "$1 ${2:-}" in
    "stack pre-install") check_romana ;;
    "stack install") install_romana ;;
    "stack post-config") configure_romana ;;
    "stack extra") start_romana ;;
    "stack test-config") configure_romana_tests ;;
    "unstack ") stop_romana ;;
    "clean ") clean_romana ;;
    esac
fi

if [[ $ROMANA_PYTHON == 2* ]] && is_service_enabled horizon; then
    case "$1 ${2:-}" in
    "stack install") install_old_horizon ;;
    esac
fi

if [[ $ROMANA_PYTHON == 2* ]] && is_service_enabled n-cpu; then
    case "$1 ${2:-}" in
    "stack install") install_old_nova ;;
    "stack post-config") configure_old_nova ;;
    "clean ") clean_old_nova ;;
    esac
fi

true
